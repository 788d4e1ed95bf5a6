"""The vocabularies of 2026 and the school calendar of three years.

Subjects: Folkeskole Act § 5 and § 7 (compulsory topics), grades as in its annex 1. Industries: the municipality's twelve
groups over the divisions of DB07 (Statistics Denmark). Education areas: the four main areas of vocational education,
the gymnasium's four and FGU. Calendar: as Danish municipalities have published it; each municipality adapts it.
"""

from datetime import date

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

SUBJECTS = [
    # slug, Danish, English, from, to, science and technology
    ("dansk", "Dansk", "Danish", 1, 10, False),
    ("engelsk", "Engelsk", "English", 1, 10, False),
    ("tysk", "Tysk", "German", 5, 10, False),
    ("fransk", "Fransk", "French", 5, 10, False),
    ("historie", "Historie", "History", 3, 9, False),
    ("kristendomskundskab", "Kristendomskundskab", "Religious education", 1, 9, False),
    ("samfundsfag", "Samfundsfag", "Social studies", 8, 10, False),
    ("matematik", "Matematik", "Mathematics", 1, 10, True),
    ("natur-teknologi", "Natur/teknologi", "Science and technology", 1, 6, True),
    ("geografi", "Geografi", "Geography", 7, 9, True),
    ("biologi", "Biologi", "Biology", 7, 9, True),
    ("fysik-kemi", "Fysik/kemi", "Physics and chemistry", 7, 10, True),
    ("idraet", "Idræt", "Physical education", 1, 9, False),
    ("musik", "Musik", "Music", 1, 6, False),
    ("billedkunst", "Billedkunst", "Visual arts", 1, 6, False),
    ("haandvaerk-og-design", "Håndværk og design", "Crafts and design", 3, 9, True),
    ("madkundskab", "Madkundskab", "Food studies", 4, 9, False),
    ("valgfag", "Valgfag", "Optional subjects", 7, 10, False),
    ("teknologiforstaaelse", "Teknologiforståelse", "Technology comprehension", 1, 10, True),
    ("boernehaveklasse", "Børnehaveklasse", "Kindergarten class", 0, 0, False),
    ("faerdselslaere", "Færdselslære", "Road safety", 0, 9, False),
    (
        "sundhed-og-familie",
        "Sundhed, seksualitet og familiekundskab",
        "Health, sexuality and family",
        0,
        9,
        False,
    ),
    ("uddannelse-og-job", "Uddannelse og job", "Education and jobs", 0, 10, False),
]

INDUSTRIES = [
    (
        "byggeri",
        "Byggeri og håndværk",
        "Building and crafts",
        {"F": "Bygge og anlæg", "81": "Ejendomsservice, rengøring og anlæg af grønne områder"},
    ),
    ("industri", "Industri og produktion", "Manufacturing", {"B": "Råstofindvinding", "C": "Industri"}),
    (
        "energi-miljoe",
        "Energi, miljø og forsyning",
        "Energy, environment and utilities",
        {
            "D": "Elektricitets-, gas- og fjernvarmeforsyning",
            "E": "Vandforsyning, kloakvæsen og affaldshåndtering",
        },
    ),
    (
        "landbrug-foedevarer",
        "Landbrug, natur og fødevarer",
        "Farming, nature and food",
        {
            "A": "Landbrug, jagt, skovbrug og fiskeri",
            "10": "Fremstilling af fødevarer",
            "11": "Fremstilling af drikkevarer",
        },
    ),
    ("transport", "Transport og logistik", "Transport and logistics", {"H": "Transport og godshåndtering"}),
    (
        "handel",
        "Handel og butik",
        "Trade and shops",
        {"G": "Engroshandel og detailhandel", "96": "Andre serviceydelser"},
    ),
    (
        "hotel-restaurant",
        "Hotel, restaurant og turisme",
        "Hotels, restaurants and tourism",
        {"I": "Overnatningsfaciliteter og restaurationsvirksomhed", "79": "Rejsebureauer og rejsearrangører"},
    ),
    (
        "it-medier",
        "It, medier og kommunikation",
        "IT, media and communication",
        {"J": "Information og kommunikation"},
    ),
    (
        "kontor-raadgivning",
        "Kontor, bank og rådgivning",
        "Offices, banking and consultancy",
        {
            "K": "Pengeinstitut- og finansvirksomhed, forsikring",
            "L": "Fast ejendom",
            "M": "Liberale, videnskabelige og tekniske tjenesteydelser",
            "N": "Administrative tjenesteydelser og hjælpetjenester",
        },
    ),
    (
        "sundhed-omsorg",
        "Sundhed, omsorg og pædagogik",
        "Health, care and education",
        {"P": "Undervisning", "Q": "Sundhedsvæsen og sociale foranstaltninger"},
    ),
    (
        "offentlig-beredskab",
        "Offentlig service og beredskab",
        "Public services and emergency services",
        {
            "O": "Offentlig forvaltning og forsvar; socialsikring",
            "U": "Ekstraterritoriale organisationer og organer",
        },
    ),
    (
        "kultur-sport",
        "Kultur, sport og oplevelser",
        "Culture, sport and leisure",
        {"R": "Kultur, forlystelser og sport", "94": "Organisationer og foreninger"},
    ),
]

EDUCATION_AREAS = [
    (
        "eud-omsorg",
        "Erhvervsuddannelse: omsorg, sundhed og pædagogik",
        "Vocational: care, health and pedagogy",
    ),
    (
        "eud-kontor-handel",
        "Erhvervsuddannelse: kontor, handel og forretningsservice",
        "Vocational: office, trade and business services",
    ),
    (
        "eud-foedevarer",
        "Erhvervsuddannelse: fødevarer, jordbrug og oplevelser",
        "Vocational: food, agriculture and hospitality",
    ),
    (
        "eud-teknologi-byggeri",
        "Erhvervsuddannelse: teknologi, byggeri og transport",
        "Vocational: technology, construction and transport",
    ),
    ("stx", "Gymnasium: stx", "Gymnasium: stx (general)"),
    ("hf", "Gymnasium: hf", "Gymnasium: hf (higher preparatory)"),
    ("hhx", "Gymnasium: hhx", "Gymnasium: hhx (commercial)"),
    ("htx", "Gymnasium: htx", "Gymnasium: htx (technical)"),
    ("fgu", "FGU – forberedende grunduddannelse", "FGU – preparatory basic education"),
]

ACTIVITY_TYPES = [
    ("virksomhedsbesoeg", "Virksomhedsbesøg", "Company visit"),
    ("gaestelaerer", "Gæstelærer", "Guest teacher"),
    ("virksomhedscase", "Virksomhedscase", "Company case"),
    ("klassepartnerskab", "Klassepartnerskab", "Class partnership"),
    ("projektuge", "Projektuge", "Project week"),
    ("innovationscamp", "Innovationscamp", "Innovation camp"),
    ("rollemodel", "Rollemodel", "Role model"),
    ("speed-dating", "Speed-dating", "Speed dating"),
    ("jobmesse", "Jobmesse", "Job fair"),
    ("aabent-hus", "Åbent hus", "Open house"),
    ("virtuelt-besoeg", "Virtuelt besøg", "Virtual visit"),
    ("konkurrence", "Konkurrence", "Competition"),
    ("laererkursus", "Lærerkursus", "Course for teachers"),
    ("undervisningsmateriale", "Undervisningsmateriale", "Teaching material"),
    ("workshop", "Workshop", "Workshop"),
    ("forloeb", "Forløb over flere gange", "Course over several dates"),
    ("byvandring", "Byvandring", "Guided walk"),
]

CALENDAR = {
    2025: [
        ("holiday", "Sommerferie", (2025, 8, 1), (2025, 8, 10)),
        ("holiday", "Efterårsferie", (2025, 10, 11), (2025, 10, 19)),
        ("holiday", "Juleferie", (2025, 12, 20), (2026, 1, 4)),
        ("holiday", "Vinterferie", (2026, 2, 7), (2026, 2, 15)),
        ("holiday", "Påskeferie", (2026, 3, 28), (2026, 4, 6)),
        ("holiday", "Kristi himmelfartsferie", (2026, 5, 14), (2026, 5, 17)),
        ("public_holiday", "Pinse", (2026, 5, 23), (2026, 5, 25)),
        ("public_holiday", "Grundlovsdag", (2026, 6, 5), (2026, 6, 5)),
        ("holiday", "Sommerferie", (2026, 6, 27), (2026, 7, 31)),
    ],
    2026: [
        ("holiday", "Sommerferie", (2026, 8, 1), (2026, 8, 9)),
        ("holiday", "Efterårsferie", (2026, 10, 10), (2026, 10, 18)),
        ("holiday", "Juleferie", (2026, 12, 19), (2027, 1, 3)),
        ("holiday", "Vinterferie", (2027, 2, 13), (2027, 2, 21)),
        ("holiday", "Påskeferie", (2027, 3, 20), (2027, 3, 29)),
        ("holiday", "Kristi himmelfartsferie", (2027, 5, 6), (2027, 5, 9)),
        ("public_holiday", "Pinse", (2027, 5, 15), (2027, 5, 17)),
        ("public_holiday", "Grundlovsdag", (2027, 6, 5), (2027, 6, 5)),
        ("holiday", "Sommerferie", (2027, 6, 26), (2027, 7, 31)),
    ],
    2027: [
        ("holiday", "Sommerferie", (2027, 8, 1), (2027, 8, 8)),
        ("holiday", "Efterårsferie", (2027, 10, 16), (2027, 10, 24)),
        ("holiday", "Juleferie", (2027, 12, 18), (2028, 1, 3)),
        ("holiday", "Vinterferie", (2028, 2, 12), (2028, 2, 20)),
        ("holiday", "Påskeferie", (2028, 4, 8), (2028, 4, 17)),
        ("holiday", "Kristi himmelfartsferie", (2028, 5, 25), (2028, 5, 28)),
        ("public_holiday", "Pinse", (2028, 6, 3), (2028, 6, 5)),
        ("public_holiday", "Grundlovsdag", (2028, 6, 5), (2028, 6, 5)),
        ("holiday", "Sommerferie", (2028, 6, 24), (2028, 7, 31)),
    ],
}


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write the words and the calendar that are not there yet."""
    subject = apps.get_model("portal", "Subject")
    for position, (slug, name, name_en, grade_from, grade_to, is_stem) in enumerate(SUBJECTS):
        subject.objects.get_or_create(
            slug=slug,
            defaults={
                "name": name,
                "name_en": name_en,
                "position": position,
                "grade_from": grade_from,
                "grade_to": grade_to,
                "is_stem": is_stem,
            },
        )
    industry = apps.get_model("portal", "Industry")
    code = apps.get_model("portal", "IndustryCode")
    for position, (slug, name, name_en, codes) in enumerate(INDUSTRIES):
        row, _made = industry.objects.get_or_create(
            slug=slug, defaults={"name": name, "name_en": name_en, "position": position}
        )
        for number, title in codes.items():
            code.objects.get_or_create(system="DB07", code=number, defaults={"industry": row, "title": title})
    for model, words in (("EducationArea", EDUCATION_AREAS), ("ActivityType", ACTIVITY_TYPES)):
        vocabulary = apps.get_model("portal", model)
        for position, (slug, name, name_en) in enumerate(words):
            vocabulary.objects.get_or_create(
                slug=slug, defaults={"name": name, "name_en": name_en, "position": position}
            )
    period = apps.get_model("portal", "CalendarPeriod")
    for school_year, periods in CALENDAR.items():
        for kind, name, first, last in periods:
            period.objects.get_or_create(
                school_year=school_year,
                name=name,
                first_day=date(*first),
                defaults={"kind": kind, "last_day": date(*last)},
            )


def keep(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Going back changes no data."""


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_initial")]

    operations = [migrations.RunPython(fill, keep, elidable=False)]
