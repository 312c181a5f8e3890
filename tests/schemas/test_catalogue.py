"""The catalogue: the shipped files are sound, and every way of breaking them is named."""

from importlib.resources import files

import pytest

from schemas.catalogue import (
    ArgumentSpec,
    CatalogueError,
    CommandSpec,
    ObservationSpec,
    Role,
    SameStamp,
    ValueType,
    read_catalogue,
    shipped_catalogue,
)
from schemas.observation import Product

OBSERVATIONS = files("schemas").joinpath("observations.csv").read_text("utf-8").splitlines()
COMMANDS = files("schemas").joinpath("commands.csv").read_text("utf-8").splitlines()


def test_the_shipped_catalogue_is_whole() -> None:
    catalogue = shipped_catalogue()
    assert (len(catalogue.observations), len(catalogue.commands)) == (249, 27)
    assert catalogue.observations[Product.CHARGER, 129] == ObservationSpec(
        product=Product.CHARGER,
        id=129,
        name="ChargingSession",
        type=ValueType.STRING,
        unit="",
        role=Role.STATE,
        measurement="charger_energy",
        field="charging_session",
        same_stamp=SameStamp.KEEP,
        personal=False,
        personal_keys=frozenset({"Auth", "AuthReasonText", "IDToken", "UserId"}),
        json=True,
    )
    assert catalogue.commands[48] == CommandSpec(
        id=48,
        name="SetDynamicChargerCurrent",
        documented=True,
        idempotent=True,
        arguments=(
            ArgumentSpec("Current_Amp", ValueType.INTEGER, "A"),
            ArgumentSpec("TTL", ValueType.INTEGER, "min"),
        ),
        personal_arguments=frozenset(),
        readback=(48,),
    )


def test_the_same_id_can_mean_two_things() -> None:
    catalogue = shipped_catalogue()
    shared = {
        number for product, number in catalogue.observations if (Product.CHARGER, number) in catalogue.observations
    }
    shared &= {number for product, number in catalogue.observations if product is Product.EQUALIZER}
    assert len(shared) == 59
    assert catalogue.observations[Product.CHARGER, 31].name == "IsEnabled"
    assert catalogue.observations[Product.EQUALIZER, 31].name == "CurrentL1"


def test_every_command_has_a_name() -> None:
    assert shipped_catalogue().command_name(48) == "SetDynamicChargerCurrent"
    assert shipped_catalogue().command_name(99) == "c99"


def test_misfits_have_a_field_of_their_own() -> None:
    catalogue = shipped_catalogue()
    assert catalogue.observations[Product.CHARGER, 48].text_field == "dynamic_charger_current_a_text"
    assert catalogue.observations[Product.CHARGER, 118].text_field == "error_string"


def test_an_observation_is_added_by_one_line() -> None:
    line = "charger,233,NewThing,double,V,state,charger_power,new_thing_v,keep,,,"
    added = read_catalogue([*OBSERVATIONS, line], COMMANDS)
    assert added.observations[Product.CHARGER, 233].field == "new_thing_v"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("charger,48,Other,double,A,state,charger_limit,other_a,keep,,,", "charger id 48 is given twice"),
        ("charger,233,TotalPower,double,A,state,charger_limit,x,keep,,,", "charger name TotalPower is given twice"),
        ("charger,233,X,double,kW,state,charger_power,total_power_kw,keep,,,", "charger_power.total_power_kw"),
        ("charger,233,X,string,,state,charger_power,total_power_kw_text,keep,,,", "taken by the misfits"),
        ("charger,233,X,decimal,,state,charger_power,x,keep,,,", "line 251: 'decimal'"),
        ("lamp,233,X,double,,state,charger_power,x,keep,,,", "line 251: 'lamp'"),
        ("charger,70000,X,double,,state,charger_power,x,keep,,,", "outside 0 to 65535"),
        ("charger,two,X,double,,state,charger_power,x,keep,,,", "line 251"),
        ("charger,233,X,double,,state,charger_power,x,always,,,", "'always'"),
        ("charger,233,X,double,,state,charger_power,x,keep,maybe,,", "neither yes nor no"),
        ("charger,233,X,double,,state,charger_power,X Y,keep,,,", "not lower_case"),
        ("charger,233,X,double,,state,equalizer_power,x,keep,,,", "no measurement of this product"),
        ("charger,233,X,double,,state,charger_things,x,keep,,,", "no measurement of this product"),
        ("charger,233,X,double,,state,charger_power,x,keep,yes,,", "must be text"),
        ("charger,233,X,string,,state,charger_power,x,keep,,Auth,", "need a JSON document"),
        ("charger,233,,double,,state,charger_power,x,keep,,,", "has no name"),
        ("charger,233,X", "line 251"),
    ],
)
def test_a_wrong_observation_is_named(line: str, fault: str) -> None:
    with pytest.raises(CatalogueError, match=r"observations\.csv") as error:
        read_catalogue([*OBSERVATIONS, line], COMMANDS)
    assert len(error.value.faults) == 1
    assert fault in error.value.faults[0]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("48,Other,yes,yes,,,", "id 48 is given twice"),
        ("99,Reboot,yes,yes,,,", "name Reboot is given twice"),
        ("99,X,yes,yes,A:integer,B,", "has no argument B"),
        ("99,X,yes,yes,A:integer,,9999", "9999"),
        ("99,X,yes,yes,A:integer,,22;23", "more readbacks than arguments"),
        ("99,X,yes,yes,A:whole,,", "'whole'"),
        ("99,X,yes,yes,A,,", "line 29"),
    ],
)
def test_a_wrong_command_is_named(line: str, fault: str) -> None:
    with pytest.raises(CatalogueError, match=r"commands\.csv") as error:
        read_catalogue(OBSERVATIONS, [*COMMANDS, line])
    assert fault in "\n".join(error.value.faults)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(CatalogueError) as error:
        read_catalogue([*OBSERVATIONS, "charger,x", "charger,y"], [*COMMANDS, "z"])
    assert len(error.value.faults) == 3
