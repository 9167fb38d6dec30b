"""The words of questions that are not about the data: operators, cues and fillers, as data.

Phrases are lower-case words separated by spaces; longer phrases win. What a phrase stands for is an `Op`.
"""

# ruff: noqa: E501 - word lists read better unwrapped
from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

OpKind: TypeAlias = Literal[
    "ask",
    "count",
    "aggregate",
    "distinct",
    "compare",
    "between",
    "and",
    "or",
    "comma",
    "not",
    "group",
    "by",
    "each",
    "order",
    "direction",
    "superlative",
    "most",
    "top",
    "where",
    "prep",
    "is",
    "like",
    "grain",
    "null",
    "not_null",
    "filler",
    "comparative",
    "with_their",
    "never",
    "all_of",
    "open",
    "share",
    "average_ref",
    "alphabetical",
    "than",
    "common",
    "times",
    "everything",
    "both",
    "state",
    "growth",
    "running",
    "moving",
    "rank",
    "difference",
    "more_of",
    "against",
    "ordinal",
    "ratio",
    "same",
    "any",
]


class Op(msgspec.Struct, frozen=True):
    """What an operator phrase stands for; `value` is a function, an operator, a direction, by its kind."""

    kind: OpKind
    value: str = ""
    topic: tuple[str, ...] = ()
    """For superlatives and comparatives with a meaning of their own: stems of columns that they may speak of."""


def _phrases(kind: OpKind, value: str, *groups: str) -> Iterator[tuple[str, Op]]:
    for group in groups:
        for phrase in group.split("|"):
            yield phrase, Op(kind, value)


def _computed() -> Iterator[tuple[str, Op]]:
    """Cues of values computed from other values: growth, running totals, ranks, differences and ratios."""
    yield from _phrases(
        "growth",
        "both",
        "growth|growth of|growth in|change|change in|changes in|change of|grow|grew|grown|increase|increase in|increased|decrease|decrease in|"
        "decreased|decline|decline in|declined|rise|rise in|risen|rose|drop|drop in|dropped|develop|developed|development of|changed|evolve|evolved|"
        "percentage change in|percent change in|growth rate of|growth rate|rate of growth of|percentage growth of|percentage increase in|month over month growth of|"
        "year over year growth of|week over week growth of|quarter over quarter growth of|month over month change in|year over year change in",
    )
    for unit in ("day", "week", "month", "quarter", "year"):
        yield from _phrases("grain", unit, f"{unit} over {unit}|{unit} on {unit}|{unit} to {unit}")
    yield from _phrases(
        "running",
        "",
        "running total of|running total|cumulative total of|cumulative total|cumulative sum of|cumulative sum|cumulative|cumulative number of|"
        "running sum of|running sum|running count of|cumulative count of|accumulated|cumulated|running number of",
    )
    yield from _phrases(
        "moving",
        "",
        "moving average of|moving average|rolling average of|rolling average|rolling mean of|moving mean of",
    )
    yield from _phrases(
        "rank", "", "rank|rank the|rank all|rank all the|ranking of|the ranking of|a ranking of|rank our"
    )
    yield from _phrases(
        "difference",
        "",
        "difference between|the difference between|difference in|the difference in|difference of|the difference of|difference|the gap between|gap between",
    )
    yield from _phrases(
        "more_of", "desc", "how many more|how much more|how much higher is|how much larger is|how much higher was"
    )
    yield from _phrases(
        "more_of", "asc", "how many fewer|how many less|how much less|how much lower is|how much lower was"
    )
    yield from _phrases(
        "against",
        "",
        "compared to|compared with|as compared to|versus|vs|vs.|relative to|in comparison to|in comparison with|over the previous|compare to",
    )
    for number, words in enumerate(("second|2nd", "third|3rd", "fourth|4th", "fifth|5th", "sixth|6th"), 2):
        yield from _phrases("ordinal", str(number), *(f"{word}|the {word}" for word in words.split("|")))
    yield from _phrases("ratio", "", "ratio of|the ratio of|ratio between|the ratio between")
    yield from _phrases("same", "", "the same|same|share the same|shares the same|has the same|have the same")
    yield from _phrases("any", "all", "all|all the|every|all of the|that of all|those of all")
    yield from _phrases(
        "any",
        "any",
        "any|any of the|some|some of the|that of any|that of some|any of",
    )


def _operators() -> Iterator[tuple[str, Op]]:
    yield from _phrases(
        "ask",
        "",
        "show|show me|list|list out|list down|give|give me|find|find out|display|return|get|tell me|tell|what is|what are|what's|whats|"
        "what was|what were|which|what|who|whom|who is|who are|who was|please|can you|could you|i want|i want to know|i need|i would like|"
        "i'd like to see|fetch|print|name|can i see|see|want to know|let me know|report|provide|identify|do you have|do we have|did we have|"
        "have we|are there|is there|were there|was there|there are|there is|what about|look up|retrieve|select|i'd like|state|"
        "compute|calculate|determine|how about|return me|want|know|me|count up|pull up|pull|"
        "chart of|a chart of|graph of|a graph of|draw a chart of|draw a graph of|show a chart of|show me a chart of|plot a chart of|"
        "make a chart of|create a chart of",
    )
    yield from _phrases("open", "where_is", "where|when|why|how|how long|how far|how often|whose")
    yield from _phrases(
        "count",
        "",
        "how many|the number of|number of|numbers of|the numbers of|count of|the count of|count|count the number of|"
        "total number of|the total number of|a count of|total count of|the amount of|quantity of|how many times|counts of|"
        "count the|tally|find the number of|how many total|# of|the total count of",
    )
    yield from _phrases(
        "aggregate",
        "sum",
        "how much|total|sum|sum of|the sum of|total amount of|in total|altogether|combined|overall|summed|totals",
    )
    yield from _phrases(
        "aggregate",
        "avg",
        "average|the average|mean|the mean|avg|averaged|on average|the average of|average of|typical|averages",
    )
    yield from _phrases("aggregate", "min", "minimum|min|the minimum of|minimal")
    yield from _phrases("aggregate", "max", "maximum|max|the maximum of|maximal")
    of_own = [
        f"{start} {prep} {own}"
        for start in ("the average", "average")
        for prep in ("of", "for", "in", "within")
        for own in ("their", "its", "the same", "each")
    ]
    yield from _phrases("average_ref", "avg", *of_own)
    yield from _phrases("aggregate", "median", "median|the median|median of|the median of")
    yield from _computed()
    yield from _phrases("distinct", "", "distinct|different|unique|various|distinctive|separate|without duplicates")
    for op, text in (
        (
            ">",
            "more than|greater than|over|above|larger than|bigger than|exceeding|exceeds|exceed|higher than|in excess of|exceeded|upwards of|is above|longer than|beyond|surpassing|later than",
        ),
        ("<", "less than|fewer than|under|below|smaller than|lower than|shorter than|is below|earlier than"),
        (
            ">=",
            "at least|no less than|no fewer than|minimum of|a minimum of|or more|or above|greater than or equal to|more than or equal to|not less than|or higher|or over|at or above|or greater",
        ),
        (
            "<=",
            "at most|no more than|not more than|up to|a maximum of|or less|or fewer|or below|less than or equal to|or under|or lower|at or below",
        ),
        ("=", "exactly|equal to|equals|equal|precisely|equals to|the same as"),
    ):
        yield from _phrases("compare", op, text)
    yield from (("=", Op("compare", "=")), (">", Op("compare", ">")), ("<", Op("compare", "<")))
    yield from _phrases("between", "", "between|in the range of|in the range|ranging from|in between")
    yield from _phrases(
        "and",
        "",
        "and|as well as|along with|together with|and also|also|plus|&|and the|and its|and their|and then|but|but also",
    )
    yield from _phrases("or", "", "or|either|or either")
    yield from _phrases("comma", "", ",|;|:")
    yield from _phrases(
        "not",
        "",
        "not|is not|are not|isn't|aren't|wasn't|weren't|excluding|except|except for|except those|except those from|other than|apart from|besides|but not|non|do not|does not|did not|don't|doesn't|didn't|not in|was not|were not|exclude|outside|outside of",
    )
    yield from _phrases(
        "never",
        "",
        "never|have never|has never|had never|who never|that never|have not|has not|haven't|hasn't|had not|do not have|does not have|don't have|doesn't have|did not have|not have|without|without any|with no|have no|has no|had no|do not have any|does not have any|have not had|with zero|has not|have not any|that have no|are without|without a|not have any|not have a|don't have any|lacking|lack|never had|no|not got any|had not any",
    )
    yield from _phrases(
        "group",
        "",
        "per|for each|for every|in each|of each|by each|at each|from each|on each|with each|each|every|for all the different|broken down by|grouped by|group by|group them by|split by|according to|for the different|for different|within each|in every|breakdown by|broken out by|breakdown of|segmented by|to each|under each|across|across the different|across different",
    )
    yield from _phrases("by", "", "by")
    yield from _phrases(
        "order",
        "",
        "order by|ordered by|sorted by|sort by|sorted|order|ordered|sort|arranged by|ranked by|rank by|ranked|in order of|in the order of|in order|listed by|list by|sort them by|order them by|sorted according to|ordered according to|sort the list by|order the result by|sort the results by|order results by|in the order",
    )
    yield from _phrases(
        "direction",
        "asc",
        "ascending|in ascending order|in ascending order of|ascending order|ascending order of|increasing|in increasing order|increasing order|from low to high|from lowest to highest|from smallest to largest|lowest to highest|from the lowest to the highest|smallest first|lowest first|from young to old|from youngest to oldest|from the youngest to the oldest|from earliest to latest|from the earliest to the latest|oldest first|from shortest to longest|from least to most|low to high|earliest first|from the smallest to the largest|from old to new|from oldest to newest|an ascending order|cheapest first|in increasing order of|from the earliest|asc|chronologically|chronological|in chronological order|from cheapest to most expensive",
    )
    yield from _phrases(
        "direction",
        "desc",
        "descending|in descending order|in descending order of|descending order|descending order of|decreasing|in decreasing order|decreasing order|from high to low|from highest to lowest|from largest to smallest|highest to lowest|from the highest to the lowest|largest first|highest first|from old to young|from the oldest to the youngest|from oldest to youngest|from latest to earliest|newest first|most recent first|latest first|from longest to shortest|from most to least|high to low|reverse|in reverse order|from the largest to the smallest|from new to old|from newest to oldest|a descending order|biggest first|in decreasing order of|from most to fewest|from the most recent|desc|largest to smallest|biggest to smallest|from the oldest|most expensive first|in reverse chronological order",
    )
    yield from _phrases("direction", "better", "best first|best ones first|best to worst|from best to worst")
    yield from _phrases("direction", "worse", "worst first|worst ones first|worst to best|from worst to best")
    yield from _phrases(
        "alphabetical",
        "asc",
        "alphabetically|alphabetical|in alphabetical order|alphabetical order|in alphabetical order of|alphabetical order of|in lexicographical order|lexicographical|lexicographically|in lexicographic order|a to z|from a to z|in ascending alphabetical order|alphabetically ascending|in alphabetic order|in ascending lexicographical order",
    )
    yield from _phrases(
        "alphabetical",
        "desc",
        "in reverse alphabetical order|reverse alphabetical order|in descending alphabetical order|z to a|in reverse lexicographical order|in descending lexicographical order|reverse alphabetically",
    )
    yield from _phrases(
        "most",
        "desc",
        "the most|most|the greatest number of|the largest number of|the highest number of|the biggest number of|the maximum number of|the greatest amount of|the most number of|largest number of|highest number of|maximum number of|greatest number of|biggest number of|the largest amount of|the highest count of|most number of|the most of the",
    )
    yield from _phrases(
        "most",
        "asc",
        "the fewest|fewest|the least|least|the smallest number of|the lowest number of|the minimum number of|the least number of|smallest number of|lowest number of|least number of|minimum number of|the lowest count of|the smallest amount of",
    )
    yield from _phrases(
        "common",
        "desc",
        "most common|the most common|most popular|the most popular|most frequent|the most frequent|most frequently|most frequently used|most used|the most used|most commonly|most commonly used|the most frequently",
    )
    yield from _phrases(
        "common",
        "asc",
        "least common|the least common|least popular|the least popular|least frequent|rarest|the rarest|least used",
    )
    yield from _phrases("times", "", "times|time")
    yield from _phrases("both", "", "both|both the")
    yield from _phrases(
        "everything",
        "",
        "all information|all the information|all details|all the details|all columns|all fields|all info|everything about|all information about|all details about|all details of|all the information about|every detail|all the information of|all the details of|full details of|all info about|the full record of|full record of|all information of|all the attributes|all attributes|all details for|the details of all|all data about|all data",
    )
    yield from _phrases("top", "desc", "top|the top|best|the best|leading|first|the first|topmost")
    yield from _phrases("top", "asc", "bottom|the bottom|worst|the worst|last")
    yield from _phrases(
        "where",
        "",
        "whose|where|that|which has|which have|that has|that have|who has|who have|having|has|have|had|with|who|that are|that is|who are|who is|which are|which is|that were|who were|that was|such that|given that|in which|at which|on which|for which|of which|to which|whom|when|containing|including|includes|include|provided that|who had|that had|as long as|if|only|that contain|is|are|was|were|be|been|being|so that|by which|from which|from whom|with a|with an|possess|possesses|own|owns|owned|holding|hold|holds|contain|contains|that belong to|belonging to|belong to|belongs to|belonged to|associated with|related to|that do|involved in|that can|that could|because they are|because they were|because it is|because it was|because of",
    )
    yield from _phrases(
        "with_their",
        "",
        "with their|with its|with the|and their|along with their|along with the|together with their|and its|with his|and his|and her|with corresponding|and corresponding|as well as their|as well as the|and the corresponding|and the number of its",
    )
    yield from _phrases(
        "prep",
        "",
        "of|in|from|for|on|at|to|within|into|across|through|via|about|during|under the|among|as|using|towards|against|inside|out of|regarding|living in|located in|based in|lives in|live in|lived in|from the|coming from|come from|comes from|situated in|placed in|made in|made by|produced by|given by|placed by|written by|created by|located at|located|located on|situated|named|called|titled|known as|with name|with the name|with title|with the title|living|came from|hosted by|labelled|labeled|by the|whose name is|whose names are|offered by|taken by|used by|owned by|between the|for the|done by|led by|directed by|sold by|held in|held at|originated from|originating from|originally from|departing from|over the course of",
    )
    yield from _phrases(
        "prep",
        "verb",
        "produced|offered|acts|act|acting|studying|operated|operate|operates|operating|attained|teaching|teaches|teach|corresponding to|correspond to|correspond|playing|play|plays|played|visited|visit|visits|worked|works|work|working|work for|works for|enrolled|enrolled in|enroll|assigned|assigned to|attended|attend|attends|attending|provided|provide|provides|bought|buy|buys|purchased|placed|place|gave|sold|sell|sells|spent|spend|spends|stayed|stay|wrote|written|performed|perform|performs|performed by|hosted|published|belonging|participated|participate|participates|participated in|participating in|registered for|who live|traveled|travelled|used for|run by|runs|run|driven|driven by|won|win|wins|scored|serve|serves|served|treated|supplied|supply|supplies|manufactured|manufacture|manufactures|stocked|carried|carry|carries|shown|appeared|appear in|appeared in|cover|covers|covered|advise|advises|affiliated with|affiliated|handled|handle|handles|managed|processed|dealt with|charged|charge|charges|brought in|bring in|brings in|brought|generated|generates|came in through|come in through|came through|come through|go through|went through|came in|earned|made up",
    )
    yield from _phrases(
        "like",
        "contains",
        "containing|contain|contains|contains the word|containing the word|contain the word|with the substring|containing the substring|with the word|the word|that contain the word|that contains|include the word|including the word|has the word|have the word|has the substring|with word|including|mentions|mentioning|mention|the substring|the letter|contain the letter|contains the letter|the phrase|with the letter|has the letter|contain substring|containing the letter|like|have the substring|in it|matching",
    )
    yield from _phrases(
        "like",
        "starts",
        "starting with|start with|starts with|begin with|begins with|beginning with|prefixed with|started with|starting with the letter|starts with the letter|start with the letter|begins with the letter|begin with the letter|starts with letter|start with letter|prefix",
    )
    yield from _phrases(
        "like",
        "ends",
        "ending with|ends with|end with|ending in|ends in|end in|ended with|ends with the letter|ending with the letter|suffix|finishing with",
    )
    for grain in ("day", "week", "month", "quarter", "year"):
        adverb = {
            "day": "daily|day by day",
            "week": "weekly|week by week",
            "month": "monthly|month by month|month over month",
            "quarter": "quarterly|quarter by quarter",
            "year": "yearly|annually|annual|year by year",
        }[grain]
        yield from _phrases(
            "grain",
            grain,
            f"{adverb}|per {grain}|by {grain}|each {grain}|every {grain}|for each {grain}|in each {grain}|a {grain}|for every {grain}|in every {grain}|over the {grain}s|grouped by {grain}|by calendar {grain}|broken down by {grain}|across {grain}s|over {grain}s|of each {grain}|per calendar {grain}",
        )
    yield from _phrases(
        "null",
        "",
        "missing|is missing|are missing|unknown|is unknown|are unknown|null|is null|are null|empty|is empty|blank|is blank|not set|is not set|not recorded|not known|not specified|unspecified|unassigned|not available|undefined|not filled in|no recorded|not given",
    )
    yield from _phrases(
        "not_null",
        "",
        "is not null|not null|not empty|is known|is not missing|is set|is recorded|are recorded|not missing|is not empty|known|non null|non empty|specified|is available",
    )
    yield from _phrases(
        "share",
        "",
        "percentage of|percent of|share of|proportion of|what percentage of|what percent of|what share of|fraction of|the percentage of|ratio of|ratio|percentage|proportion|percent",
    )
    yield from _phrases("average_ref", "avg", "the average|average|the mean|mean|average of all")
    yield from _phrases("than", "", "than|then")
    yield from _phrases(
        "all_of",
        "",
        "all|all the|all of the|any|any of|any of the|some of the|every single|the entire|entire|across all|across all the|over all|the whole|whole|full list of|the full list of|list of|the list of|a list of|details of|information of|information about|info about|details about|all information about|all details about|all details of|the details of|data on|data about|the information about|the information of|all the information about|records of|record of|the details about|the details for|all info about|rows|rows of|records|entries|some",
    )
    yield from _phrases(
        "filler",
        "",
        "the|a|an|do|does|did|we|our|us|you|your|they|them|their|its|his|her|he|she|it|i|my|there|these|those|this|"
        "will|would|can|could|should|may|might|shall|'|!|?|.|(|)|-|–|—|/|\"|currently|now|so far|ever|actually|respectively|"
        "corresponding|given|particular|specific|certain|one|ones|just|item of|type of|kind of|kinds of|types of|"
        "following|present|in our database|in the database|in this database|in our data|in the data|database|in the table|"
        "in the system|on record|on file|in stock at all|exist|exists|total of|hello|hi|thanks|thank you|such|same|own|got|been|being|be|"
        "use|used|uses|using|appear|appears|some of the|their own|associated|that|which|is|are|was|were|'s|up|let|values|value of|the value of|values of|stored|available|recorded|registered|each of|each one|of them|their respective|respective|someone|people who|those who|the ones|by name|result|results|of all|for all|answer|in|of|on|for|at|to|as|from|with|have|has|had|need|needs|number|made|make|makes|making|take|takes|taken|took|happen|happened|occur|occurred|occurs|took place|take place|taking place|held|done|go|goes|went|come|comes|came|given to|get|gets|receive|received|receives|please|sort of|people|person|persons|exactly|individual|individually|overall|altogether|in total|in all|company wide|entries|data|ever been|already|yet|still|even|very|really|about|approximately|roughly|around|did they|do they|does it",
    )


SUPERLATIVES: dict[str, tuple[str, str]] = {
    # word: (direction, stems of columns it may speak of; empty: the noun that follows)
    "highest": ("desc", ""),
    "lowest": ("asc", ""),
    "largest": ("desc", "size area population capacity amount quantity total surface number"),
    "biggest": ("desc", "size area population capacity amount quantity total"),
    "greatest": ("desc", ""),
    "smallest": ("asc", "size area population capacity amount quantity total surface number"),
    "maximum": ("desc", ""),
    "minimum": ("asc", ""),
    "oldest": ("desc", "age|asc birth born date_of_birth founded built opened start year established date created"),
    "youngest": ("asc", "age|desc birth born date_of_birth"),
    "newest": ("desc", "date year created release opened start added launch"),
    "latest": ("desc", "date year time created release"),
    "earliest": ("asc", "date year time created release"),
    "most recent": ("desc", "date year time created release"),
    "most recently": ("desc", "date year time created release"),
    "longest": ("desc", "length duration time distance minutes runtime seconds milliseconds days hours"),
    "shortest": ("asc", "length duration time distance minutes runtime height seconds milliseconds days hours"),
    "tallest": ("desc", "height"),
    "heaviest": ("desc", "weight mass"),
    "lightest": ("asc", "weight mass"),
    "cheapest": ("asc", "price cost fee rate amount"),
    "most expensive": ("desc", "price cost fee rate amount"),
    "least expensive": ("asc", "price cost fee rate amount"),
    "priciest": ("desc", "price cost fee"),
    "costliest": ("desc", "cost price"),
    "richest": ("desc", "money wealth salary income balance net_worth"),
    "fastest": ("desc", "speed|asc time duration"),
    "slowest": ("asc", "speed|desc time duration"),
    "best paid": ("desc", "salary pay wage"),
    "highest paid": ("desc", "salary pay wage"),
    "lowest paid": ("asc", "salary pay wage"),
    "best rated": ("desc", "rating score stars"),
    "highest rated": ("desc", "rating score stars"),
    "top rated": ("desc", "rating score stars"),
    "worst rated": ("asc", "rating score stars"),
    "lowest rated": ("asc", "rating score stars"),
    "best selling": ("desc", "quantity sold sales pieces"),
    "bestselling": ("desc", "quantity sold sales pieces"),
    "top selling": ("desc", "quantity sold sales pieces"),
    "most sold": ("desc", "quantity sold sales pieces"),
    "worst selling": ("asc", "quantity sold sales pieces"),
    "least sold": ("asc", "quantity sold sales pieces"),
    "most populous": ("desc", "population"),
    "most populated": ("desc", "population"),
    "least populous": ("asc", "population"),
    "deepest": ("desc", "depth"),
    "strongest": ("desc", "strength power"),
    "wealthiest": ("desc", "money wealth salary income"),
    "closest": ("asc", "distance"),
    "nearest": ("asc", "distance"),
    "farthest": ("desc", "distance"),
}

COMPARATIVES: dict[str, tuple[str, str]] = {
    "older than": (">", "age|< birth born date_of_birth founded built opened"),
    "younger than": ("<", "age|> birth born date_of_birth"),
    "cheaper than": ("<", "price cost fee rate amount"),
    "more expensive than": (">", "price cost fee rate amount"),
    "heavier than": (">", "weight mass"),
    "lighter than": ("<", "weight mass"),
    "taller than": (">", "height"),
    "shorter than": ("<", "height length duration"),
    "longer than": (">", "length duration time distance minutes runtime"),
    "newer than": (">", "date year created"),
    "faster than": (">", "speed"),
    "larger than": (">", "size area population capacity"),
    "bigger than": (">", "size area population"),
    "smaller than": ("<", "size area population"),
    "aged over": (">", "age"),
    "aged under": ("<", "age"),
    "costing more than": (">", "price cost fee"),
    "costing less than": ("<", "price cost fee"),
    "cost more than": (">", "price cost fee"),
    "cost less than": ("<", "price cost fee"),
    "costs more than": (">", "price cost fee"),
    "costs less than": ("<", "price cost fee"),
    "priced over": (">", "price"),
    "priced under": ("<", "price"),
    "priced above": (">", "price"),
    "priced below": ("<", "price"),
    "costing over": (">", "price cost fee"),
    "costing under": ("<", "price cost fee"),
    "cost over": (">", "price cost"),
    "cost under": ("<", "price cost"),
    "weigh more than": (">", "weight mass"),
    "weigh less than": ("<", "weight mass"),
    "weighing more than": (">", "weight mass"),
    "weighing less than": ("<", "weight mass"),
    "weighs less than": ("<", "weight"),
    "weighs more than": (">", "weight"),
    "weighing under": ("<", "weight"),
    "weighing over": (">", "weight"),
    "earning more than": (">", "salary income pay wage"),
    "earn more than": (">", "salary income pay wage"),
    "earn less than": ("<", "salary income pay wage"),
    "earning less than": ("<", "salary income pay wage"),
    "worth more than": (">", "total amount value price"),
    "worth over": (">", "total amount value price"),
    "worth less than": ("<", "total amount value price"),
    "worth at least": (">=", "total amount value price"),
}


STATES: dict[str, str] = {
    # word: stems of dates that are empty while things are in that state
    "open": "closed resolved completed finished ended",
    "unresolved": "resolved closed completed",
    "unsolved": "solved resolved closed",
    "unfinished": "finished completed ended",
    "ongoing": "ended end finished completed closed",
    "running": "ended end finished completed stopped",
    "pending": "completed processed approved finished closed shipped",
    "unpaid": "paid payment",
    "unshipped": "shipped shipping",
    "undelivered": "delivered delivery",
    "unanswered": "answered replied response",
    "unprocessed": "processed",
    "active": "ended terminated left deactivated cancelled discontinued",
    "outstanding": "returned paid closed resolved",
}

LOWER_IS_BETTER = frozenset(
    [
        "return",
        "refund",
        "cancel",
        "cancellation",
        "complaint",
        "defect",
        "error",
        "failure",
        "fault",
        "churn",
        "delay",
        "wait",
        "waiting",
        "lateness",
        "late",
        "cost",
        "costs",
        "expense",
        "price",
        "loss",
        "losses",
        "damage",
        "bounce",
        "rejection",
        "absence",
        "accident",
        "incident",
        "crime",
        "debt",
        "risk",
        "overdue",
        "backlog",
        "latency",
    ]
)
"""Words of names whose high figures are bad: "worst first" puts those first."""


def _adjectives() -> Iterator[tuple[str, Op]]:
    for word, topic in STATES.items():
        yield word, Op("state", "is_null", tuple(topic.split()))
    for word, (direction, topic) in SUPERLATIVES.items():
        for article in ("", "the "):
            yield article + word, Op("superlative", direction, tuple(topic.split()))
    for phrase, (operator, topic) in COMPARATIVES.items():
        yield phrase, Op("comparative", operator, tuple(topic.split()))


def _index() -> dict[tuple[str, ...], tuple[Op, ...]]:
    table: dict[tuple[str, ...], list[Op]] = {}
    for phrase, op in (*_operators(), *_adjectives()):
        bucket = table.setdefault(tuple(phrase.replace("-", " ").split()), [])
        if op not in bucket:
            bucket.append(op)
    return {words: tuple(ops) for words, ops in table.items()}


OPERATORS = _index()
"""Phrase as a tuple of lower-case words -> what it may stand for."""
LONGEST_PHRASE = max(map(len, OPERATORS))

SYNONYM_GROUPS: tuple[str, ...] = (
    "client customer buyer shopper purchaser",
    "employee staff worker personnel",
    "product item article goods merchandise",
    "order purchase",
    "vendor supplier",
    "price cost",
    "salary pay wage compensation earnings",
    "revenue turnover sales income",
    "phone telephone mobile cell",
    "email mail e-mail",
    "address street",
    "city town",
    "country nation",
    "state province region",
    "zip postal postcode",
    "birthday birth birthdate dob",
    "sex gender",
    "film movie",
    "song track tune",
    "album record",
    "artist musician performer singer",
    "author writer",
    "book title publication",
    "car vehicle automobile",
    "flight airline",
    "teacher instructor professor lecturer faculty",
    "student pupil",
    "course class subject",
    "department division unit",
    "company firm business enterprise",
    "shop store outlet branch",
    "quantity amount count units",
    "date day time",
    "start begin",
    "end finish",
    "kind type category sort genre class",
    "rating score grade mark stars",
    "job occupation profession position role title",
    "boss manager supervisor head",
    "nationality citizenship country",
    "area surface size",
    "length duration runtime",
    "weight mass",
    "height stature tall",
    "population inhabitants residents people",
    "capacity seats",
    "hometown home",
    "surname lastname",
    "description detail",
    "id identifier identification",
    "invoice bill",
    "payment pay",
    "shipping freight shipment delivery",
    "discount rebate reduction",
    "stock inventory",
    "ticket case issue",
    "return refund",
    "spouse wife husband",
    "doctor physician",
    "patient",
    "hospital clinic",
    "game match",
    "team club squad",
    "player athlete",
    "stadium venue arena",
    "distance mileage",
    "speed velocity",
    "dog pet",
    "code number",
    "member participant attendee",
    "party",
    "founded established",
    "headquarters hq headquarter",
    "website url site link",
    "comment remark note",
    "status state",
    "picture photo image photograph",
    "illness disease sickness",
    "medicine drug medication",
    "lawyer attorney",
    "apartment flat",
    "trip journey",
    "meal dish",
    "guest visitor",
    "tax vat",
    "fee charge",
    "error fault defect",
    "seller salesperson salesman",
    "site location place",
    "religion faith",
    "college university",
    "warehouse depot",
    "truck lorry",
    "plane aircraft airplane",
    "cinema theater theatre",
    "exam test examination",
    "expense spending expenditure cost",
    "contract agreement",
    "holiday vacation",
    "supplier provider",
    "colour color",
    "licence license permit",
    "percent percentage",
    "message note",
    "reason cause",
    "size dimension",
    "manufacturer maker producer brand",
    "deadline due",
    "owner proprietor",
    "tenant renter",
)

PHRASE_SYNONYMS: tuple[str, ...] = (
    "surname|last name|family name",
    "first name|forename|given name",
    "date of birth|birth date|birthday|dob|birthdate",
    "zip code|postal code|zip|postcode|post code|zipcode|postal",
    "phone|phone number|telephone|telephone number|tel",
    "email|email address|e mail|mail address",
    "job title|position|job|role",
    "hire date|date of hire|date hired|start date|joining date|date of joining",
    "expiry date|expiration date|date of expiry",
    "unit price|price per unit|price each",
    "web site|website|homepage|web page|url",
    "user name|username|login|login name",
    "invoice number|invoice no|bill number",
    "order number|order no",
    "created at|creation date|date created|created on",
    "year to date|ytd",
)
"""Names of columns that mean the same, in whole phrases."""

DEMONYMS: dict[str, str] = dict(
    pair.split("=")
    for pair in (
        "german=germany french=france italian=italy spanish=spain british=united kingdom|uk english=england american=united states|usa|us "
        "canadian=canada mexican=mexico brazilian=brazil chinese=china japanese=japan korean=south korea|korea indian=india russian=russia "
        "dutch=netherlands swiss=switzerland austrian=austria swedish=sweden norwegian=norway danish=denmark finnish=finland polish=poland "
        "portuguese=portugal greek=greece turkish=turkey irish=ireland scottish=scotland australian=australia belgian=belgium czech=czech republic|czechia "
        "hungarian=hungary argentinian=argentina argentine=argentina chilean=chile egyptian=egypt african=africa european=europe asian=asia thai=thailand "
        "vietnamese=vietnam ukrainian=ukraine israeli=israel welsh=wales"
    )
    .replace("united kingdom", "united_kingdom")
    .replace("united states", "united_states")
    .replace("south korea", "south_korea")
    .replace("czech republic", "czech_republic")
    .split()
)
"""Adjective -> names of the country, separated by `|`, spaces written `_`."""
ALIASES: dict[str, str] = {
    "us": "united states|usa|united states of america",
    "usa": "united states|us|united states of america",
    "america": "united states|usa|us",
    "uk": "united kingdom|great britain",
    "britain": "united kingdom|uk",
    "england": "united kingdom",
    "holland": "netherlands",
    "the netherlands": "netherlands",
    "u s": "usa|united states|us",
    "united states": "usa|us|united states of america",
    "united kingdom": "uk",
    "male": "m",
    "female": "f",
    "men": "m|male",
    "women": "f|female",
}
