"""Finding courses by words: Danish stems, parts of compounds, folded letters, and a guess at typos.

PostgreSQL's Danish stemmer joins *besøg* and *besøget* but knows nothing of compounds: it does not find *robotværksted*
by *værksted*, nor *vandløbsundersøgelse* by *vandløb*. So ``index`` writes into ``Offer.words`` what the stemmer cannot
see, the generated column ``Offer.search`` holds both, and ``query`` asks for either.
"""

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from functools import reduce
from operator import and_, or_

from django.contrib.postgres.search import CombinedSearchQuery, SearchQuery, SearchRank, TrigramWordSimilarity
from django.db.models import F, TextField, Value
from django.db.models.functions import Concat

from offers.models import Offer
from portal.domain.text import tidy

LETTERS = re.compile(r"[^\W_]+")
MOST_WORDS = 8
LONGEST_WORD = 40
SHORTEST_PREFIX = 3
SHORTEST_COMPOUND = 7
SHORTEST_PART = 4
SAID = ("title", "teaser", "description", "jobs", "company__name")
GRADES = {str(grade) for grade in range(11)}

# What the Danish stemmer throws away; without them a question has the same words as the stemmed texts.
SMALL_WORDS = """
    ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter
    eller en end er et for fra ham han hans har havde have hende hendes her hos hun hvad hvis hvor i ikke ind
    jeg jer jo kunne man mange med meget men mig min mine mit mod ned noget nogle nu når og også om op os over på
    selv sig sin sine sit skal skulle som sådan thi til ud under var vi vil ville vor være været
"""
STOP_WORDS = frozenset(SMALL_WORDS.split())

# Words that compounds of working life and school end in. A course's own words come on top.
ENDS_OF_COMPOUNDS = """
    affald afdeling akvarium ambulance analyse anlæg apotek arbejde arbejdsplads arkitekt atelier automat avis bager
    bageri bank besøg betjent bibliotek billede biograf biologi bogmærke bolig brand brandvæsen briller bryggeri
    butik bygge byggeri bygning børnehave café camp case center central chauffør computer cykel dambrug design
    designer dyrlæge dyrepark ejendom elektriker energi fabrik fagfolk film fisk fiskeri fjernvarme forening forløb
    forretning forsker forskning forsyning forsøg fotograf fragt frisør frugt fysik galleri gartner gartneri genbrug
    grafiker gymnasium gård handel handicap havn hjælp hjælper hospital hotel håndtering håndværk håndværker idræt
    industri ingeniør installatør institution iværksætter journalist kamera kemi kemiker klima klinik klub kokke
    kommune kompost konference konkurrence konstruktion kontor kontrol kraftværk kunst kunstner kursus køkken køretøj
    laboratorium laborant lager landbrug landmand laser leder ledelse levering lovgivning lufthavn lærer lærling læge
    lægehus løsning maler marked marketing maskine maskiner maskinmester matematik materiale medicin medie mejeri
    mekaniker metal miljø model montør montering motor murer museum musik mølle møbel måling natur naturpark netværk
    nyhed opgave opmåling oplevelse opdræt optik optiker papir park partner pædagog patient pleje plejehjem
    planlægning plante plast politi praktik produktion produkt program programmering projekt projektuge pumpe radio
    redaktion redning rengøring renseanlæg reparation restaurant rundvisning robot rådgiver rådhus råvarer samarbejde
    selskab sensor service sikkerhed sikring skole skov skovbrug skib skibsværft skærm slagter slagteri smed smedje
    snedker solcelle spildevand sortering specialist sprog station stald statistik studie støberi stål svejser
    svejsning sundhed sygehus sygeplejerske system søfart tandlæge tandpleje teater tegner tegning teknik tekniker
    teknologi tekstil terminal tjeneste transport træning trykkeri turisme tømrer uddannelse udstilling udvikler
    udvikling undersøgelse undervisning vand vandløb vandværk varehus varme varmepumpe vaskeri vedligehold vejleder
    vejledning verdensmål vindmølle virksomhed virksomhedsbesøg vogn vognmand værft værk værksted økologi økonomi
"""
PARTS = frozenset(ENDS_OF_COMPOUNDS.split())
ENDINGS = ("ernes", "erne", "enes", "ene", "ers", "ets", "ens", "er", "et", "en", "es", "ne", "e", "s", "n", "t", "r")


def words_in(text: str) -> list[str]:
    """Return the words of a text: composed, in small letters, without signs."""
    return LETTERS.findall(tidy(text).lower())


def folded(word: str) -> list[str]:
    """Return the word as it is written without Danish letters: *køkken* as *koekken*, then as *kokken*."""
    forms = []
    for oe, aa in (("oe", "aa"), ("o", "a")):
        plain = word.replace("æ", "ae").replace("ø", oe).replace("å", aa)
        decomposed = unicodedata.normalize("NFKD", plain)
        forms.append("".join(sign for sign in decomposed if not unicodedata.combining(sign)))
    return forms


def bare_forms(word: str) -> list[str]:
    """Return the word itself and what is left when an ending of inflection is taken off."""
    return [word, *(word.removesuffix(ending) for ending in ENDINGS if word.endswith(ending))]


def parts_of(word: str, known: Iterable[str] = PARTS) -> set[str]:
    """Return the known words that a compound ends in, one after the other: *robotværkstedet*: *værksted*, *robot*.

    Between two parts an *s* or an *e* may link. What stands first needs no finding: the question asks for prefixes.
    """
    known = known if isinstance(known, (set, frozenset)) else frozenset(known)
    if len(word) < SHORTEST_COMPOUND:
        return set()
    for form in bare_forms(word):
        for start in range(3, len(form) - SHORTEST_PART + 1):
            tail = form[start:]
            if tail not in known:
                continue
            head = form[:start]
            found = {tail}
            for rest in (head, head.removesuffix("s"), head.removesuffix("e")):
                if rest in known:
                    found.add(rest)
                else:
                    found |= parts_of(rest, known)
            return found
    return set()


def text_of(offer: Offer) -> str:
    """Return everything a course says in words."""
    offered = (offer.title, offer.teaser, offer.description, offer.purpose, offer.pupil_activity, offer.jobs)
    course = (offer.before, offer.during, offer.after)
    return "\n".join(offered + course)


def names_around(offer: Offer) -> list[str]:
    """Return the names by which a course may be looked for: host, town, subjects, industry, kind, educations."""
    vocabulary = [*offer.subjects.all(), *offer.education_areas.all()]
    vocabulary += [word for word in (offer.industry, offer.activity_type) if word is not None]
    names = [offer.company.name, offer.company.city]
    for word in vocabulary:
        names += [word.name, word.name_en]
    return names


def words_for(offer: Offer) -> str:
    """Return what goes into ``Offer.words``: every word as it is, folded, and the parts of compounds; the grades."""
    own = {word for word in words_in(text_of(offer)) if not word.isdigit() and word not in STOP_WORDS}
    names = set(words_in(" ".join(names_around(offer))))
    said = own | names
    known = PARTS | {word for word in said if len(word) > SHORTEST_PART}
    parts = {part for word in said for part in parts_of(word, known - {word})}
    everything = said | parts
    everything |= {form for word in everything for form in folded(word)}
    if offer.grade_from is not None and offer.grade_to is not None:
        everything |= {"klasse"} | {str(grade) for grade in range(offer.grade_from, offer.grade_to + 1)}
        bands = [("indskoling", 0, 3), ("mellemtrin", 4, 6), ("udskoling", 7, 10)]
        everything |= {name for name, first, last in bands if offer.grade_from <= last and offer.grade_to >= first}
    return " ".join(sorted(everything))


def index(offer: Offer) -> None:
    """Make the course findable by what it says now. A step: call it after subjects and educations are set; saves
    ``words`` alone.
    """
    offer.words = words_for(offer)
    Offer.objects.filter(pk=offer.pk).update(words=offer.words)


def terms_of(text: str) -> list[str]:
    """Return the words that are asked for, at most eight, without those too small to tell anything."""
    words = [word[:LONGEST_WORD] for word in words_in(text)]
    return [word for word in words if word not in STOP_WORDS][:MOST_WORDS]


def question(term: str) -> SearchQuery | CombinedSearchQuery:
    """Return the query for one word: its stem, or as it stands or folded at the beginning of a word.

    Who types Danish letters means them: *ål* finds *aal* but not *alene*.
    """
    end = ":*" if len(term) >= SHORTEST_PREFIX and not term.isdigit() else ""
    forms = sorted({term, folded(term)[0]})
    plain = [SearchQuery(f"'{form}'{end}", config="simple", search_type="raw") for form in forms]
    if term in GRADES:
        return reduce(or_, plain)
    return reduce(or_, plain, SearchQuery(term, config="danish"))


def query(text: str) -> SearchQuery | CombinedSearchQuery | None:
    """Return the query for ``Offer.search``: every word of the text must be found. None when there is no word in it.

    Use it as ``Offer.objects.filter(search=query(text))``.
    """
    terms = terms_of(text)
    return reduce(and_, [question(term) for term in terms]) if terms else None


def rank(wanted: SearchQuery | CombinedSearchQuery) -> SearchRank:
    """Return how well a course answers, for ``annotate`` and ``order_by``."""
    return SearchRank(F("search"), wanted)


def suggestion(text: str, *, names: Iterable[str] = ()) -> str:
    """Return the text as it may have been meant, or nothing: each unknown word replaced by the nearest known one.

    Known are the words of ``names`` (the vocabularies) and of published courses: first of those with a word that
    begins alike; when none of it is near, of those among the newest 2,000 whose titles resemble the text. To be asked
    only when nothing was found: one query or two, of bounded cost.
    """
    terms = terms_of(text)
    if not terms:
        return ""
    begin_alike = reduce(or_, [SearchQuery(f"'{term[:3]}':*", config="simple", search_type="raw") for term in terms])
    courses = Offer.objects.published().annotate(
        said=Concat(*[part for field in SAID for part in (field, Value(" "))], output_field=TextField())
    )
    known = known_words([*names, *courses.filter(search=begin_alike).values_list("said", flat=True)[:40]])
    meant = [nearest(term, known) for term in terms]
    if meant == terms:
        newest = courses.order_by("-published_at").values("pk")[:2000]
        resembling = courses.filter(pk__in=newest).annotate(near=TrigramWordSimilarity(" ".join(terms), "title"))
        lines = resembling.filter(near__gte=0.25).order_by("-near").values_list("said", flat=True)[:40]
        known |= known_words(lines)
        meant = [nearest(term, known) for term in terms]
    return " ".join(meant) if meant != terms else ""


def known_words(lines: Iterable[str]) -> set[str]:
    """Return the words of the lines that are long enough to be meant."""
    return {word for line in lines for word in words_in(line) if len(word) >= SHORTEST_PART}


def nearest(term: str, known: set[str]) -> str:
    """Return the known word that the term most resembles, or the term itself when it is known or resembles none."""
    if any(word.startswith(term) for word in known):
        return term
    close = get_close_matches(term, sorted(known), n=3, cutoff=0.76)
    if not close:
        return term
    return max(close, key=lambda word: (SequenceMatcher(None, term, word).ratio(), word[0] == term[0], word))
