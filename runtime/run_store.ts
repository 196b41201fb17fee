/** Keeps records, so that runs can be compared later: SQLite under the state folder. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { type ExperimentRecord, experimentRecordSchema, type KeptRecord } from "./records.ts";

/** How long to wait for another process that writes to the file, milliseconds. */
export const LOCKED_MS = 5000;

/** `$XDG_STATE_HOME/splitx`, or `~/.local/state/splitx`. */
export function stateFolder(): string {
  const base = Deno.env.get("XDG_STATE_HOME");
  return base ? join(base, "splitx") : join(Deno.env.get("HOME") ?? ".", ".local/state/splitx");
}

/** A record as it is kept. */
export interface StoredRun<Kept = KeptRecord> {
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly record: Kept;
}

/** A record of an experiment in a list. */
export interface StoredExperiment {
  readonly id: number;
  readonly at: string;
  readonly name: string;
}

/** Which records a list has. */
export interface RunFilter {
  readonly name?: string;
  readonly schema?: KeptRecord["schema"];
  readonly before?: number;
}

function storedRun(row: Record<string, unknown>): StoredRun {
  return { id: Number(row.id), at: String(row.at), record: JSON.parse(String(row.record)) };
}

/** See the head of this file. */
export class RunStore implements Disposable {
  readonly #database: DatabaseSync;

  /** @param path of the database; made when it does not exist */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(
      `PRAGMA busy_timeout = ${LOCKED_MS};
       CREATE TABLE IF NOT EXISTS runs (
         id INTEGER PRIMARY KEY, at TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL,
         record TEXT NOT NULL) STRICT`,
    );
  }

  /** The user's own store. */
  static open(): RunStore {
    Deno.mkdirSync(stateFolder(), { recursive: true });
    return new RunStore(join(stateFolder(), "runs.sqlite"));
  }

  /**
   * Keeps a record.
   *
   * @returns the number by which it is found
   */
  add(record: KeptRecord): number {
    const { lastInsertRowid } = this.#database
      .prepare("INSERT INTO runs (at, schema, name, record) VALUES (?, ?, ?, ?)")
      .run(new Date().toISOString(), record.schema, record.name, JSON.stringify(record));
    return Number(lastInsertRowid);
  }

  /** The record of an experiment by its number; undefined when the number is none's. */
  experiment(id: number): StoredRun<ExperimentRecord> | undefined {
    const row = this.#database
      .prepare("SELECT at, record FROM runs WHERE id = ? AND schema = 'splitx.experiment/1'")
      .get(id);
    if (!row) return undefined;
    const record = experimentRecordSchema.parse(JSON.parse(String(row.record)));
    return { id, at: String(row.at), record };
  }

  /** The newest records of experiments, newest first. */
  experiments(count: number): StoredExperiment[] {
    return this.#database
      .prepare(
        `SELECT id, at, name FROM runs WHERE schema = 'splitx.experiment/1'
         ORDER BY id DESC LIMIT ?`,
      )
      .all(count)
      .map((row) => ({ id: Number(row.id), at: String(row.at), name: String(row.name) }));
  }

  /** The newest records of a name, newest first. */
  newest(name: string, count: number): StoredRun[] {
    return this.#database
      .prepare("SELECT id, at, record FROM runs WHERE name = ? ORDER BY id DESC LIMIT ?")
      .all(name, count)
      .map(storedRun);
  }

  /**
   * Records of any name, newest first.
   *
   * @param filter a name, a schema, and a number below which the records' own must be
   */
  list(filter: RunFilter, count: number): StoredRun[] {
    return this.#database
      .prepare(
        `SELECT id, at, record FROM runs WHERE (?1 IS NULL OR name = ?1)
         AND (?2 IS NULL OR schema = ?2) AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4`,
      )
      .all(filter.name ?? null, filter.schema ?? null, filter.before ?? null, count)
      .map(storedRun);
  }

  /** One record, undefined when there is none with this number. */
  get(id: number): StoredRun | undefined {
    const row = this.#database.prepare("SELECT id, at, record FROM runs WHERE id = ?").get(id);
    return row && storedRun(row);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
