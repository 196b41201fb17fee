/** What the API serves. */
import type { ComparisonRecord, KeptRecord } from "../records.ts";
import type { RunStore, StoredRun } from "../run_store.ts";
import type { Runtime } from "../runtime.ts";
import type { ApiClient } from "./client.ts";
import type { ConsoleHubs } from "./console_hub.ts";
import type { Experiment, ExperimentJob, Figures } from "./schemas.ts";
import type { Reach } from "./listening.ts";

/** Experiments that can be started by their names. */
export interface ExperimentCatalogue {
  /** Those that can be started. */
  list(): readonly Experiment[];
  /** Those that were, the newest first. */
  jobs(): readonly ExperimentJob[];
  /**
   * Starts one.
   *
   * @throws SplitXError when there is none of this name, or the parameters are wrong
   */
  start(name: string, parameters: Readonly<Record<string, unknown>>): ExperimentJob;
  /** Ends one early; one that has ended stays as it is. */
  cancel(id: string): Promise<void>;
}

/** What is made of the records of experiments. */
export interface ExperimentResults {
  /** A record as a page that stands alone; undefined for one that is of no experiment known here. */
  report(record: KeptRecord, at: string): Promise<string | undefined>;
  /** What a record shows; undefined for one that is of no experiment known here. */
  figures(record: KeptRecord): Promise<Figures | undefined>;
  /**
   * How b differs from a.
   *
   * @throws SplitXError `bad-comparison` when they are not two records of one experiment
   */
  compare(a: StoredRun, b: StoredRun): Promise<ComparisonRecord>;
}

/** Answers what is no part of the API, such as a dashboard's pages; undefined for what it has not. */
export type Pages = (request: Request) => Promise<Response | undefined>;

/** See the head of this file. */
export interface ApiContext {
  readonly runtime: Runtime;
  /** Where records are kept; absent when it cannot be opened. */
  readonly store?: RunStore;
  /** Consoles that the API shares with whoever else shows them. */
  readonly consoles: ConsoleHubs;
  /** Folders whose files a request may name. */
  readonly imageFolders: readonly string[];
  /** Where requests can come from. */
  readonly reach: Reach;
  /** What a request must bring, when it must. */
  readonly token?: string;
  readonly experiments?: ExperimentCatalogue;
  readonly results?: ExperimentResults;
  /** Makes what stands beside the API; its requests of the API go through no network. */
  readonly pages?: (api: ApiClient) => Pages;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Requests a second, and at once, of one client; 1000 and 2000 when absent. */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
  /** Told of defects, a line each. */
  readonly log: (line: string) => void;
}

/** What a request brings beside itself. */
export interface RequestEnv {
  Bindings: { readonly client?: string };
}
