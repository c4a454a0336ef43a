// The numeric work of one side, away from the page's own thread.

import { serve } from "./engine-core.ts";

const answer = serve();
self.onmessage = (e: MessageEvent) => {
  const { reply, transfer } = answer(e.data);
  (self as unknown as Worker).postMessage(reply, transfer);
};
