/** What runs on a hypervisor core's worker: its messages, and between them its loop. */
import { CORE_BLOCK_BYTES } from "../cores/abi.ts";
import { pinThread } from "../cores/affinity.ts";
import type { OpenMessage, SpinMessage, WorkerReply } from "../cores/hypervisor_core.ts";
import type { CoreView, Served } from "../cores/hypervisor_loop.ts";
import { sameCoreLoop, type ServedVcpu } from "../cores/same_core_loop.ts";
import { openStub, wordsAt } from "../cores/stub.ts";
import type { PollingPolicy } from "./devices/queue_poller.ts";
import type { EndedEvent, MachineDescription } from "./machine_description.ts";
import type { NetworkMessage } from "./network/memberships.ts";
import { Networks } from "./network/networks.ts";
import { ServedMachine } from "./served_machine.ts";

/** What the worker can be told. */
export type WorkerMessage =
  | OpenMessage
  | SpinMessage
  /** Serve a machine; with `sameCoreVcpu`, run that vCPU of it on this very core. */
  | {
    readonly type: "attach";
    readonly machine: MachineDescription;
    readonly sameCoreVcpu?: number;
  }
  | { readonly type: "detach"; readonly machine: number }
  /** When the device queues of a machine are polled, from now on. */
  | { readonly type: "polling"; readonly machine: number; readonly policy: PollingPolicy }
  /** Who is in a network now. */
  | NetworkMessage
  /** Leaves a forced collection in V8's trace; needs `--expose-gc`. */
  | { readonly type: "mark-trace" }
  /** The last message: the worker will be terminated. */
  | { readonly type: "close" }
  | { readonly type: "run" };

/** A polling loop, such as `hypervisorLoop`. */
export type Loop = (core: CoreView, served: Served[]) => unknown;

interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerMessage>) => void) | null;
  postMessage(message: WorkerReply | EndedEvent): void;
}

/**
 * Answers messages and runs the loop between them. Does not return a value: the worker lives by its
 * `onmessage`.
 *
 * @param loop what a core that polls runs
 */
export function serveWorker(loop: Loop): void {
  const scope = globalThis as unknown as WorkerScope;
  const machines = new Map<number, ServedMachine>();
  const served: Served[] = [];
  let core: CoreView | undefined;
  let networks: Networks | undefined;
  let own: { vcpu: number; served: ServedVcpu } | undefined;

  function opened(): { core: CoreView; networks: Networks } {
    if (!core || !networks) throw new Error("the worker was not opened");
    return { core, networks };
  }

  function open(message: OpenMessage): number {
    const stub = openStub(message.stub);
    pinThread(stub, 0, [message.cpu]);
    const words = wordsAt(message.block, CORE_BLOCK_BYTES);
    core = {
      stub,
      handle: message.handle,
      words,
      doubles: new Float64Array(words.buffer, words.byteOffset, words.length / 2),
      ticksPerNs: message.ticksPerNs,
      spinNs: message.spinNs,
    };
    networks = new Networks(stub, message.handle);
    return stub.sx_thread_id();
  }

  function attach(description: MachineDescription, sameCoreVcpu: number | undefined): void {
    const { core: { stub, handle, ticksPerNs }, networks } = opened();
    const machine = new ServedMachine(
      stub,
      description,
      ticksPerNs,
      sameCoreVcpu === undefined ? handle : undefined,
      networks,
      (end) => scope.postMessage({ type: "event", machine: description.id, end }),
    );
    machines.set(description.id, machine);
    if (sameCoreVcpu === undefined) {
      served.push(...machine.served);
    } else {
      own = {
        vcpu: description.vcpus[sameCoreVcpu]!.handle,
        served: machine.vcpus[sameCoreVcpu]!,
      };
    }
  }

  function detach(id: number): void {
    const machine = machines.get(id);
    if (!machine) return;
    machines.delete(id);
    machine.leave();
    for (const one of machine.served) {
      const at = served.indexOf(one);
      if (at >= 0) served.splice(at, 1);
      if (own?.served === one) own = undefined;
    }
  }

  function setPolling(id: number, policy: PollingPolicy): void {
    const machine = machines.get(id);
    if (machine) machine.polling = policy;
  }

  function run(): void {
    if (own) {
      if (!sameCoreLoop(opened().core, own.vcpu, own.served)) own = undefined;
    } else if (core) {
      loop(core, served);
    }
  }

  function answer(message: Exclude<WorkerMessage, { type: "run" }>): unknown {
    switch (message.type) {
      case "open":
        return open(message);
      case "spin":
        core = { ...opened().core, spinNs: message.spinNs };
        return undefined;
      case "attach":
        return attach(message.machine, message.sameCoreVcpu);
      case "detach":
        return detach(message.machine);
      case "polling":
        return setPolling(message.machine, message.policy);
      case "network":
        return opened().networks.update(message.name, message.members);
      case "mark-trace":
        return (globalThis as { gc?: () => void }).gc?.();
      case "close":
        return undefined;
      default:
        throw new TypeError(`unknown message ${JSON.stringify(message)}`);
    }
  }

  scope.onmessage = ({ data: message }) => {
    if (message.type === "run") {
      run();
      return;
    }
    try {
      scope.postMessage({ type: "done", value: answer(message) });
    } catch (error) {
      if (error instanceof TypeError) throw error; // a defect: this core dies, the others go on
      scope.postMessage({ type: "refused", message: (error as Error).message });
    }
  };
}
