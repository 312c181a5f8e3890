"""Enumerations: what the numbers of coded observations mean, in words a person reads.

Owns the code tables of Easee's enumerations. Dashboards' value mappings are checked against them.
An unknown code stays its number: nothing here is ever used to refuse a value.
"""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.observation import Product

OP_MODE: Mapping[int, str] = MappingProxyType(
    {
        0: "Offline",
        1: "Disconnected",
        2: "Awaiting start",
        3: "Charging",
        4: "Completed",
        5: "Error",
        6: "Ready to charge",
        7: "Awaiting authentication",
        8: "De-authenticating",
    }
)

REASON_FOR_NO_CURRENT: Mapping[int, str] = MappingProxyType(
    {
        0: "OK",
        1: "Circuit max current too low",
        2: "Dynamic circuit current too low",
        3: "Offline fallback current too low",
        4: "Circuit fuse too low",
        5: "In queue",
        6: "In fully charged queue",
        7: "Illegal grid type",
        8: "No request from secondary unit",
        9: "Master communication lost",
        10: "No current from Equalizer",
        11: "Phase not connected",
        25: "Limited by fuse",
        26: "Limited by circuit max",
        27: "Limited by dynamic circuit",
        28: "Limited by Equalizer",
        29: "Limited by load balancing",
        30: "Limited by offline settings",
        50: "Secondary not requesting",
        51: "Max charger current too low",
        52: "Dynamic charger current too low",
        53: "Charger disabled",
        54: "Pending schedule",
        55: "Pending authorization",
        56: "Charger in error",
        57: "Erratic EV",
        75: "Limited by cable",
        76: "Limited by schedule",
        77: "Limited by charger max",
        78: "Limited by dynamic charger",
        79: "Car not charging",
        80: "Local adjustment",
        81: "Limited by car",
        100: "Undefined",
    }
)

OUTPUT_PHASE: Mapping[int, str] = MappingProxyType(
    {
        0: "Unassigned",
        10: "One phase TN (L1)",
        11: "One phase IT (L1)",
        12: "One phase TN (L2)",
        13: "One phase IT (L2)",
        14: "One phase TN (L3)",
        15: "One phase IT (L3)",
        20: "Two phases TN",
        21: "Two phases TN",
        22: "Two phases IT",
        30: "Three phases TN",
    }
)

OFFLINE_CHARGING_MODE: Mapping[int, str] = MappingProxyType({0: "Always", 1: "If whitelisted", 2: "Never"})

PHASE_MODE: Mapping[int, str] = MappingProxyType({1: "One phase", 2: "Auto", 3: "Three phases"})

CHARGER_RAT: Mapping[int, str] = MappingProxyType({0: "Cellular", 1: "Wi-Fi"})

POWER_GRID_TYPE: Mapping[int, str] = MappingProxyType(
    {
        0: "Not detected",
        1: "TN three phases",
        2: "TN two phases",
        3: "TN one phase",
        4: "IT three phases",
        5: "IT one phase",
        30: "Wiring warning 30",
        31: "Wiring warning 31",
        50: "Wiring error 50",
        51: "Wiring error 51",
        52: "Wiring error 52",
    }
)

BY_OBSERVATION: Mapping[tuple[Product, int], Mapping[int, str]] = MappingProxyType(
    {
        (Product.CHARGER, 21): POWER_GRID_TYPE,
        (Product.CHARGER, 38): PHASE_MODE,
        (Product.CHARGER, 45): OFFLINE_CHARGING_MODE,
        (Product.CHARGER, 96): REASON_FOR_NO_CURRENT,
        (Product.CHARGER, 109): OP_MODE,
        (Product.CHARGER, 110): OUTPUT_PHASE,
        (Product.CHARGER, 141): CHARGER_RAT,
    }
)
"""The code table of each coded observation; every other integer is a plain number."""
