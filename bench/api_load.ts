/**
 * Requests at a steady rate, from a worker: what collections of the benchmark's own heap take is not in
 * its figures.
 */
/// <reference lib="deno.worker" />

/** What to ask, and how often. */
export interface ApiLoad {
  /** Asked in turn. */
  readonly addresses: readonly string[];
  readonly perSecond: number;
  /** Asked before those that count. */
  readonly warmUp: number;
  readonly requests: number;
}

/** Milliseconds from the moment at which each was due until it was answered; none waits for another. */
async function answerTimes(load: ApiLoad): Promise<Float64Array> {
  const { addresses, perSecond, warmUp, requests } = load;
  const times = new Float64Array(requests), answers: Promise<void>[] = [];
  const begun = performance.now();
  const ask = async (i: number, due: number) => {
    const response = await fetch(addresses[i % addresses.length]!);
    await response.arrayBuffer();
    if (i >= warmUp) times[i - warmUp] = performance.now() - due;
  };
  for (let i = 0; i < warmUp + requests; i++) {
    const due = begun + i * 1000 / perSecond, early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    answers.push(ask(i, due));
  }
  await Promise.all(answers);
  return times;
}

/** Runs a load in a worker. */
export async function runApiLoad(load: ApiLoad): Promise<Float64Array> {
  const worker = new Worker(import.meta.url, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<Float64Array>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(event.error ?? new Error(event.message));
  worker.postMessage(load);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

if (typeof WorkerGlobalScope !== "undefined") {
  self.onmessage = async ({ data }: MessageEvent<ApiLoad>) => {
    self.postMessage(await answerTimes(data));
  };
}
