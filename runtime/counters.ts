/** Counters of one machine in shared memory: doubles, each written by one core only. */
import { COUNTER } from "../cores/vcpu_channel.ts";

/** Indexes of the machine's own counters. */
export const MACHINE_COUNTER = {
  unknownCalls: 0,
  wildPorts: 1,
  unmappedMemory: 2,
  queueNotifications: 3,
  queueChains: 4,
  queueServedTicks: 5,
  interrupts: 6,
  lostInterrupts: 7,
  framesSent: 8,
  framesReceived: 9,
  framesDropped: 10,
  linksLost: 11,
  count: 16,
} as const;

/** Of each vCPU, in whole cache lines. */
const VCPU_COUNTERS = Math.ceil(COUNTER.count / 8) * 8;

/** Shared memory for a machine with so many vCPUs. */
export function createCounters(vcpus: number): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * (MACHINE_COUNTER.count + vcpus * VCPU_COUNTERS));
}

/** The machine's own counters. */
export function machineCounters(buffer: SharedArrayBuffer): Float64Array {
  return new Float64Array(buffer, 0, MACHINE_COUNTER.count);
}

/** The counters of one vCPU's channel. */
export function vcpuCounters(buffer: SharedArrayBuffer, vcpu: number): Float64Array {
  const at = 8 * (MACHINE_COUNTER.count + vcpu * VCPU_COUNTERS);
  return new Float64Array(buffer, at, COUNTER.count);
}
