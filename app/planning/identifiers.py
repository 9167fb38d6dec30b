"""Identifiers as words: `CustomerID`, `order_qty`, `custname` and `tbl_Größe` as people would say them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from app.planning.stems import fold, stem

_SHORT = """
    acc=account acct=account addr=address addr1=address addr2=address alloc=allocation amnt=amount amt=amount
    appt=appointment apt=apartment asst=assistant attn=attention attr=attribute avail=available avg=average
    bal=balance bday=birthday bgt=budget bldg=building cat=category categ=category ccy=currency cd=code clnt=client
    cname=name cnt=count cntry=country cnty=county comm=commission corp=corporation coy=company cred=credit
    crs=course ctgy=category ctry=country curr=currency cust=customer deliv=delivery dept=department
    desc=description descr=description dest=destination dev=development diag=diagnosis dist=distance div=division
    dlv=delivery dob=date_of_birth doc=document doj=date_of_joining dt=date dte=date dur=duration eml=email
    emp=employee enr=enrollment eval=evaluation expdate=expiry_date fcst=forecast flr=floor fname=first_name
    freq=frequency gov=government grp=group hgt=height hosp=hospital hq=headquarters hr=hour hrs=hours ht=height
    idx=index img=image info=information inst=institution intl=international inv=invoice lang=language lat=latitude
    lname=last_name lng=longitude loc=location lon=longitude lvl=level manuf=manufacturer max=maximum
    meds=medication mfg=manufacturing mfr=manufacturer mgmt=management mgr=manager min=minimum mins=minutes
    mkt=market mktg=marketing mname=middle_name mnth=month mob=mobile mon=month msg=message mtd=month_to_date
    mth=month natl=national nbr=number nm=name no=number nr=number num=number ord=order org=organization pat=patient
    pcode=postal_code pct=percent perc=percent perf=performance ph=phone pmt=payment pname=name pop=population
    pos=position prc=price prem=premium prereq=prerequisite prod=product prof=professor proj=project pymt=payment
    qnty=quantity qtr=quarter qty=quantity rcpt=receipt rct=receipt recv=received ref=reference req=request
    resp=response rgn=region rtn=return sal=salary sched=schedule secs=seconds seq=sequence shpmt=shipment sku=sku
    sname=name sqft=square_feet sqm=square_meters src=source srv=service std=standard sts=status stu=student
    subcat=sub_category subj=subject supp=supplier supv=supervisor svc=service tel=telephone temp=temperature
    tgt=target tot=total trans=transaction ttl=total txn=transaction typ=type univ=university uom=unit upd=updated
    usr=user val=value veh=vehicle vend=vendor vol=volume wgt=weight whse=warehouse wk=week wt=weight
    yoe=years_of_experience yr=year ytd=year_to_date
    """
ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    short: tuple(meaning.split("_")) for short, meaning in (pair.split("=") for pair in _SHORT.split())
}
"""What shortened words of identifiers stand for."""

_COMMON = """
    account action active actor address admin age agent air airline airport album allergy amount animal apartment
    appointment area arrival article artist author average award balance bank batch bed begin benefit bill birth
    block bonus book booking branch brand budget building business buyer call campaign campus capacity car card
    carrier case category cell center centre chain channel character charge check child city claim class client
    close closed club coach code color colour comment commission company condition contact content contract cost
    count country county course created credit crime currency customer cycle daily data date day days deal death
    debit delivery department departure deposit depth description destination detail details device diagnosis
    discount disease display distance district doctor document domain dose driver drug due duration edition
    education effective element email employee employer employment end engine enrollment entry error event exam
    expense expiry faculty family father fee field file film final finish first fiscal flag flight floor food
    founded founder frequency friend full game gender genre given goal grade grand gross group guest head
    headquarters height hire hired history holder home horse hospital host hotel hour hours house identity image
    income index industry institution instructor instrument insurance interest invoice issue item job joined joining
    journal key label language last latitude leader league length lesson level library license limit line list loan
    location login longitude machine maiden mail maker manager manufacturer market mass master match maximum measure
    medal media medicine member message method middle milestone minimum minute minutes mobile mode model modified
    money month monthly mother movie music name nation national net nick note number nurse occupation office officer
    open opened opening operation order ordered organization origin original owner package page paid parent park
    part partner party passenger patient pay payment percent percentage performance period permit person phone photo
    physician picture piece place plan plane plant player policy population position post postal premium price
    primary priority problem procedure process product profile program project property province publication
    published publisher purchase quality quantity quarter question race rank rate rating reason receipt received
    record reference region registration release rent report request required response result return revenue review
    role room round route salary sale sales sample schedule school score season seat second section sector seller
    serial series service session setting severity shift ship shipment shipped shipping shop short show sign singer
    site size skill song sort source speed spend sport stadium staff stage star start started state station status
    step stock stop store street student style subject supplier support surface symbol system table tag target task
    tax teacher team telephone term test text theme ticket time title topic total tour town track trade training
    transaction transfer trip type unit updated upload user username value vehicle vendor venue version video view
    visit visitor volume vote wage warehouse week weekly weight width win wine winner word work worker year yearly
    years zip zone
    """
COMMON_WORDS = frozenset(_COMMON.split())
"""Words that identifiers are made of, by which `orderdate` is taken apart."""

_WHOLE = frozenset(
    {
        "airplane",
        "attraction",
        "bedroom",
        "birthday",
        "candidate",
        "classroom",
        "deadline",
        "feedback",
        "flagship",
        "forename",
        "friendship",
        "headline",
        "headquarter",
        "holiday",
        "homepage",
        "hometown",
        "mandate",
        "membership",
        "network",
        "nickname",
        "outline",
        "passport",
        "password",
        "playlist",
        "postseason",
        "showroom",
        "surname",
        "template",
        "timetable",
        "update",
        "valid",
        "website",
        "weekday",
        "weekend",
        "workshop",
    }
)
"""Words that look as if they were two."""
STORAGE_PREFIXES = frozenset({"tbl", "dim", "fact", "fct", "stg", "vw", "lkp", "ref"})
"""What table names begin with to say how they are stored, not what they hold."""
_TAILS = ("id", "no", "nr")
_LONGEST_SOLID = 40
_FEWEST_LETTERS = 5


@lru_cache(maxsize=65_536)
def identifier_words(name: str) -> tuple[str, ...]:
    """The lower-case words of an identifier: `CustomerID` -> customer id, `orderqty` -> order quantity."""
    return tuple(word for piece in plain_pieces(name) for word in _expanded(fold(piece)))


@lru_cache(maxsize=65_536)
def identifier_stems(name: str) -> tuple[str, ...]:
    """Stems of an identifier's words."""
    return tuple(stem(word) for word in identifier_words(name))


@lru_cache(maxsize=65_536)
def spoken(name: str) -> str:
    """An identifier as people say it, accents kept, without a prefix that says how it is stored."""
    pieces = plain_pieces(name)
    if len(pieces) > 1 and pieces[0].casefold() in STORAGE_PREFIXES:
        pieces = pieces[1:]
    said = [(piece.lower(), tuple(_expanded(fold(piece)))) for piece in pieces]
    return " ".join(lowered if parts == (fold(lowered),) else " ".join(parts) for lowered, parts in said)


@lru_cache(maxsize=65_536)
def plain_pieces(name: str) -> tuple[str, ...]:
    """The parts of an identifier as they are written: split at marks, capitals and digits, nothing expanded.

    A name of nothing but marks is one piece.
    """
    parts = [part for part in re.split(r"[\W_]+", name) if part]
    pieces = [piece for part in parts for piece in _at_capitals(part)]
    return tuple(pieces) or ((name.strip(),) if name.strip() else ())


def _at_capitals(part: str) -> list[str]:
    """`CustomerID` -> Customer, ID. What is of one case, or a known abbreviation, stays whole."""
    kinds = ["U" if c.isupper() else "L" if c.islower() else "D" if c.isdigit() else "O" for c in part]
    if {*kinds, "D"} in ({"L", "D"}, {"U", "D"}) or fold(part) in ABBREVIATIONS:
        return [part]
    cuts = [0]
    for at in range(1, len(part)):
        before, here = kinds[at - 1], kinds[at]
        starts_word = here == "U" and at + 1 < len(part) and kinds[at + 1] == "L" and part[at + 1 :] != "s"
        if (before != here and not (before == "U" and here == "L")) or (before == "U" and starts_word):
            cuts.append(at)
    return [part[start:end] for start, end in zip(cuts, [*cuts[1:], len(part)], strict=True)]


def _expanded(piece: str) -> Iterator[str]:
    for part in solid_parts(piece):
        yield from ABBREVIATIONS.get(part, (part,))


@lru_cache(maxsize=65_536)
def solid_parts(word: str) -> tuple[str, ...]:
    """The words that a lower-case word is made of, `orderdate` -> order date; the word itself if it is one."""
    return split_solid(word, COMMON_WORDS)


def split_solid(word: str, known: Collection[str]) -> tuple[str, ...]:
    """The fewest words of `known`, and abbreviations, that make up a word, at most three; else the word itself."""
    bare = word.rstrip("0123456789")
    if bare != word and bare and _is_known(bare, known):
        return (bare, word[len(bare) :])
    if not _FEWEST_LETTERS <= len(word) <= _LONGEST_SOLID or not word.isalpha():
        return (word,)
    if word in _WHOLE or word.removesuffix("s") in _WHOLE or word in ABBREVIATIONS or _is_known(word, known):
        return (word,)
    for pieces in (2, 3):
        found = _split(word, pieces, known)
        if found:
            return found
    return (word,)


def _split(word: str, pieces: int, known: Collection[str]) -> tuple[str, ...]:
    """`word` as exactly that many known words, the first as long as possible; () if it cannot be."""
    if pieces == 1:
        return (word,) if word in _TAILS or (len(word) > 2 and _is_known(word, known)) else ()
    for end in range(len(word) - 2, 2, -1):
        head = word[:end]
        if _is_known(head, known):
            rest = _split(word[end:], pieces - 1, known)
            if rest:
                return (head, *rest)
    return ()


def _is_known(word: str, known: Collection[str]) -> bool:
    return word in known or word in ABBREVIATIONS or (len(word) > 4 and word.endswith("s") and word[:-1] in known)
