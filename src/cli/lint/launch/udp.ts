/** Rules about UDP hops, such as the one to an RTSP server. */

import { type Problem, problem } from "../../../common/problem.js";
import { type LaunchLine, pathOf, setting } from "./parse.js";

export function udpProblems(launch: LaunchLine): Problem[] {
  const taken = new Map<string, string>();
  return launch.elements.flatMap((element) => {
    if (element.factory !== "udpsink") return [];
    const host = setting(element, "host") ?? "localhost";
    const address = `${host}:${setting(element, "port") ?? "5004"}`;
    const problems: Problem[] = [];
    const first = taken.get(address);
    if (first === undefined) taken.set(address, pathOf(element));
    else {
      const message = `${first} sends to ${address} already: give each its own port`;
      problems.push(problem("udp-port-shared", pathOf(element, "port"), message));
    }
    if (/^2(2[4-9]|3\d)\./.test(host)) {
      const message = `${host} is multicast: the whole network receives it, other instances too; use host=127.0.0.1`;
      problems.push(problem("udp-multicast", pathOf(element, "host"), message));
    }
    return problems;
  });
}
