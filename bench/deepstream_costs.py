"""Prints what engine deepstream costs on stand-ins, as JSON."""

import json

import deepstream_scenarios as costs

from standins import scenario

_PLATFORM = "7.1/dgpu"


def main() -> None:
    before, after = scenario.run(costs.memory, _PLATFORM)
    print(
        json.dumps(
            {
                "probesMs": scenario.run(costs.probe_time, _PLATFORM, 8, 20),
                "graphMs": scenario.run(costs.building_time, _PLATFORM),
                "tensorsMs": scenario.run(costs.decoding_time, _PLATFORM),
                "memoryMiB": after - before,
            }
        )
    )


if __name__ == "__main__":
    main()
