"""Prints what engine deepstream costs on stand-ins, as JSON."""

import json

import deepstream_scenarios as costs

from sidecar.tests import standins_process

_PLATFORM = "7.1/dgpu"


def main() -> None:
    before, after = standins_process.run(costs.memory, _PLATFORM)
    print(
        json.dumps(
            {
                "probesMs": standins_process.run(costs.probe_time, _PLATFORM, 8, 20),
                "graphMs": standins_process.run(costs.building_time, _PLATFORM),
                "tensorsMs": standins_process.run(costs.decoding_time, _PLATFORM),
                "memoryMiB": after - before,
            }
        )
    )


if __name__ == "__main__":
    main()
