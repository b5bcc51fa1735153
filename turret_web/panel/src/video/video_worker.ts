// SPDX-License-Identifier: Apache-2.0
/** Reads and decodes the video outside of the page's thread. */

import { VideoStream, type WorkerOrder, type WorkerReport } from './video_stream';

const report = (message: WorkerReport, transfer: Transferable[] = []): void => { postMessage(message, { transfer }); };
let stream: VideoStream | null = null;
let shown: string | null = null;

addEventListener('message', ({ data: { url, isOn } }: MessageEvent<WorkerOrder>) => {
  stream ??= new VideoStream(url, {
    onImage: (image, stamp) => report({ image, stamp }, [image]),
    onProblem: (problem) => {
      if (problem !== shown) report({ problem });
      shown = problem;
    },
  });
  if (isOn) stream.start();
  else stream.stop();
});
