"""Does a column's name say that it holds a protected attribute?

Guarantees: names are compared by whole words, never by parts of words (`message` holds no age);
camelCase, underscores, digits, accents and case do not matter. It is a guess by name alone, in
English, German, French and Spanish, and by the codes of well-known censuses and surveys: a column
that says nothing of it can stand in for one (a postcode, a first name), and a hit may be none
(`race` of horses).

The attributes are those that anti-discrimination law names most often (Charter of Fundamental
Rights of the EU, article 21; US Equal Credit Opportunity Act, 15 USC 1691).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_ANYWHERE: Mapping[str, str] = {
    "sex": "sex gender geschlecht sexe sexo genero gendre sexual",
    "race or ethnic origin": "race races racial ethnicity ethnic ethnie ethnien etnia hispanic "
    "hisp latino latina latinx caucasian raza hautfarbe caste skincolor skintone",
    "age": "age ages edad birthdate birthday birthyear dob yob geburtsdatum geburtsjahr "
    "geburtstag nacimiento naissance lebensalter",
    "religion": "religion religious religiosity konfession relig faith",
    "disability": "disability disabilities disabled handicap handicapped behinderung "
    "schwerbehinderung discapacidad invalidite invaliditat",
    "marital status": "marital married familienstand spouse",
    "nationality": "nationality nationalities citizenship staatsangehorigkeit nationalitat "
    "nationalite nacionalidad immigrant migrant migrationshintergrund immigration",
    "pregnancy": "pregnant pregnancy schwanger schwangerschaft embarazo embarazada enceinte",
    "political opinion or union": "political partei politische",
    "sexual orientation": "lgbt lgbtq lgbtqi homosexual",
    "veteran status": "veteran",
    "genetic features": "genetic",
}
"""Words that name an attribute wherever they stand in a name."""

_PHRASES: Mapping[str, str] = {
    "date of birth": "age",
    "year of birth": "age",
    "birth date": "age",
    "birth year": "age",
    "fecha de nacimiento": "age",
    "date de naissance": "age",
    "skin color": "race or ethnic origin",
    "skin colour": "race or ethnic origin",
    "skin tone": "race or ethnic origin",
    "native american": "race or ethnic origin",
    "pacific islander": "race or ethnic origin",
    "civil status": "marital status",
    "family status": "marital status",
    "estado civil": "marital status",
    "etat civil": "marital status",
    "situation familiale": "marital status",
    "sexual orientation": "sexual orientation",
    "national origin": "nationality",
    "country of birth": "nationality",
    "birth country": "nationality",
    "birth place": "nationality",
    "foreign worker": "nationality",
    "native country": "nationality",
    "native language": "nationality",
    "mother tongue": "nationality",
    "trade union": "political opinion or union",
    "union member": "political opinion or union",
}
"""Words that name an attribute when they stand in this order."""

_ALONE: Mapping[str, str] = {
    "sex": "male female man woman men women",
    "race or ethnic origin": "black white asian nonwhite",
    "age": "alter",
    "marital status": "single divorced widowed unmarried",
    "nationality": "foreigner foreign auslander",
    "religion": "muslim christian jewish hindu catholic",
}
"""Words that name an attribute only where they are the whole name: a black box is no person."""

_CODES: Mapping[str, str] = {
    "sex": "sexvar riagendr pesex asex esex",
    "race or ethnic origin": "rac1p rac2p rac3p racblk racwht racasn racaian racnh racpi racsor "
    "raced hispan hispand ridreth1 ridreth3 ptdtrace prdtrace prdthsp pehspnon erace anc1p anc2p "
    "racehpr2 racehpr imprace",
    "age": "agep aage prtage tage ridageyr ridagemn ageg5yr age80 ageg65yr",
    "marital status": "mar marst marsta msp amaritl pemaritl prmarsta ems dmdmartl marhtyp",
    "nationality": "cit nativity pobp bpl bpld yrimmig prcitshp penatvty dmdborn4 dmdcitzn waob "
    "yoep",
    "disability": "dis dear deye dphy drem ddrs dout disabwrk",
    "veteran status": "vps vetstat peafever",
}
"""Names of columns in the public-use files of censuses and surveys, as a whole name.

From the codebooks of the American Community Survey, IPUMS, CPS, SIPP, BRFSS and NHANES.
"""

_FILLERS = frozenset({"is", "are", "has", "flag", "yn", "ind", "indicator", "code", "dummy"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MARKS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o"})


def protected_attribute(name: str) -> str | None:
    """The attribute that a column's name says, such as `age`; None where it says none."""
    words = words_of(name)
    joined = f" {' '.join(words)} "
    for phrase, attribute in _PHRASES.items():
        if f" {phrase} " in joined:
            return attribute
    plain = "".join(sign for sign in name.casefold() if sign.isalnum())
    for attribute, codes in _CODES.items():
        if plain in codes.split():
            return attribute
    whole = [word for word in words if word not in _FILLERS]
    for attribute, alone in _ALONE.items():
        if len(whole) == 1 and whole[0] in alone.split():
            return attribute
    for attribute, anywhere in _ANYWHERE.items():
        if set(words) & set(anywhere.split()):
            return attribute
    return None


def words_of(name: str) -> list[str]:
    """The words of a name in lower case and without accents: `isHispanic_2` is `is hispanic`."""
    plain = unicodedata.normalize("NFKD", name.translate(_MARKS))
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return [word.casefold() for word in _WORD.findall(letters)]
