/** What a kind of virtio device is, behind whatever transport. */
import type { Device } from "../device.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** A queue that is served when something has come, not when its driver notifies. */
export interface InputQueue {
  readonly index: number;
  /** Whether something may have come, at no more cost than a look. */
  readonly waiting: boolean;
  /** Whether what comes wakes nobody, so that somebody must look for it. */
  readonly unannounced?: boolean;
}

/** One virtio device. */
export interface VirtioDevice {
  /** Device type (virtio 1.2, 5). */
  readonly type: number;
  /** PCI class, subclass and programming interface. */
  readonly classCode: number;
  /** Feature bits of its own, below 24. */
  readonly features: number;
  /** How many virtqueues it has. */
  readonly queues: number;
  /** Its configuration space. */
  readonly config: Device;
  /** Whether it must be served again soon although neither driver nor input may ask for it. */
  readonly impatient?: boolean;
  /** Chains that it has taken and not given back; while there are any it is served again. */
  readonly outstanding?: number;
  /**
   * The driver is ready.
   *
   * @param features of the device's own that were negotiated
   * @param inOrder chains must be given back in the order in which they were taken
   */
  start(features: number, inOrder: boolean): void;
  /** The driver has reset it, or broke it, or it never started: it holds nothing of the guest's. */
  reset(): void;
  /** The queues whose chains are room for what comes from outside. */
  readonly inputs?: readonly InputQueue[];
  /**
   * Serves chains of one of its queues, and gives back what was outstanding there and is done.
   *
   * @param queue enabled
   * @param most how many chains at most
   * @returns how many chains were taken
   */
  serve(index: number, queue: Virtqueue, most: number): number;
}
