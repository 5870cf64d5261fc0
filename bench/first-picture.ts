// Measures the seconds from the start of the processes to the first annotated frame, with the demo camera running.
import { playFile } from "../test/support/video.js";
import { startProduct } from "./product.js";
import { withScope } from "./scope.js";

/** Milliseconds of each run. */
export function measureFirstPicture(runs: number): Promise<number[]> {
  return withScope(async (scope) => {
    const camera = await playFile(scope);
    const measured: number[] = [];
    for (let run = 0; run < runs; run++) {
      measured.push(
        await withScope(async (once) => {
          const product = await startProduct(once, { RTSPINPUT: `demo=${camera.uri}` });
          return product.firstPictureMs;
        }),
      );
    }
    return measured;
  });
}
