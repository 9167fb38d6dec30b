"""The process that renders charts: one specification a line in, one JSON object with the SVG a line out.

It is run as a script of its own and imports nothing of the service, so that the engine that Vega needs (80 MB) is in
memory only while charts are asked for, and a rendering that hangs can be ended. It leaves after `IDLE_S` without work.
"""

from __future__ import annotations

import json
import selectors
import sys

IDLE_S = 60.0
VEGA_LITE = "6.4"
REHEARSAL = {
    "data": {"values": [{"c0": "a", "c1": 1}]},
    "mark": "bar",
    "encoding": {"x": {"field": "c1", "type": "quantitative"}, "y": {"field": "c0", "type": "nominal"}},
}
"""What is drawn for nobody while no specification has come yet: the engine's own start is most of the first chart."""


def main() -> None:
    """Render until standard input ends or nothing has come for `IDLE_S` seconds."""
    import vl_convert

    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.buffer, selectors.EVENT_READ)
        if not selector.select(0):
            vl_convert.vegalite_to_svg(REHEARSAL, vl_version=VEGA_LITE, allowed_base_urls=[])
        while selector.select(IDLE_S):
            line = sys.stdin.buffer.readline()
            if not line:
                return
            try:
                # An empty list allows no address: not even a specification with a URL in it reaches the network.
                svg = vl_convert.vegalite_to_svg(json.loads(line), vl_version=VEGA_LITE, allowed_base_urls=[])
                reply = {"svg": svg}
            except ValueError as error:
                reply = {"error": str(error)[:300]}
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
