"""First and last names from which invented people are put together."""

from __future__ import annotations

_FIRST = """
Anna, Lukas, Sophie, Jonas, Marie, Felix, Emma, Paul, Léa, Hugo, Camille, Louis, Chloé, Jules, Olivia, Harry, Amelia,
George, Isla, Jack, Freya, Oscar, Sanne, Daan, Fleur, Bram, Lotte, Sem, Niamh, Cian, Aoife, Oisín, Grace, Ethan,
Madison, Noah, Zoë, Mateo, Priya, Arjun, Mei, Kenji, Yusuf, Leïla, Omar, Fatima, Ingrid, Björn, Jürgen, Käthe, Renée,
François, Siobhán, Tomasz, Katarzyna
"""
_LAST = """
Müller, Schneider, Fischer, Weber, Wagner, Becker, Hoffmann, Gruber, Huber, Steiner, Moser, Keller, Brunner, Dubois,
Lefèvre, Moreau, Girard, Roux, Fontaine, Smith, Taylor, Hughes, Walker, Wright, Thompson, Clarke, Bennett, Fraser,
MacLeod, O'Brien, Murphy, Kelly, Byrne, de Vries, van Dijk, Bakker, Visser, Jansen, Johnson, Carter, Nguyen, Patel,
Singh, Kowalski, Nowak, Yılmaz, Haddad, Rossi, Lindqvist, Okafor, Sørensen, Novák, Iversen, Castellano, Whitfield,
Ashdown, Penhallow, Thwaite
"""
FIRST_NAMES = [name.strip() for name in _FIRST.split(",")]
LAST_NAMES = [name.strip() for name in _LAST.split(",")]
