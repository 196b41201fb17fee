/**
 * What an experiment has measured before it is over, in the run store's file: each sample is kept as
 * it comes, so that an experiment which was interrupted can go on.
 */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { HostRecord } from "./records.ts";
import { LOCKED_MS, stateFolder } from "./run_store.ts";

/** An experiment that is not over. */
export interface JournalEntry {
  readonly id: number;
  /** When it began: ISO 8601, UTC. */
  readonly at: string;
  readonly parameters: Record<string, unknown>;
  readonly host: HostRecord;
}

/** One repetition at one point. */
export interface JournalSample<Figures> {
  readonly point: string;
  readonly repetition: number;
  readonly figures: Figures;
}

/** See the head of this file. */
export class RunJournal implements Disposable {
  readonly #database: DatabaseSync;

  /** @param path of the database; made when it does not exist */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(
      `PRAGMA busy_timeout = ${LOCKED_MS};
       PRAGMA foreign_keys = ON;
       CREATE TABLE IF NOT EXISTS unfinished (
         id INTEGER PRIMARY KEY, at TEXT NOT NULL, name TEXT NOT NULL, parameters TEXT NOT NULL,
         host TEXT NOT NULL) STRICT;
       CREATE TABLE IF NOT EXISTS samples (
         run INTEGER NOT NULL REFERENCES unfinished ON DELETE CASCADE, point TEXT NOT NULL,
         repetition INTEGER NOT NULL, figures TEXT NOT NULL,
         PRIMARY KEY (run, point, repetition)) STRICT`,
    );
  }

  /** The user's own journal. */
  static open(): RunJournal {
    Deno.mkdirSync(stateFolder(), { recursive: true });
    return new RunJournal(join(stateFolder(), "runs.sqlite"));
  }

  /** Begins an experiment: its number. */
  begin(name: string, parameters: Record<string, unknown>, host: HostRecord): number {
    const { lastInsertRowid } = this.#database
      .prepare("INSERT INTO unfinished (at, name, parameters, host) VALUES (?, ?, ?, ?)")
      .run(new Date().toISOString(), name, JSON.stringify(parameters), JSON.stringify(host));
    return Number(lastInsertRowid);
  }

  /** The experiment of this name that began last and is not over. */
  unfinished(name: string): JournalEntry | undefined {
    const row = this.#database
      .prepare(
        `SELECT id, at, parameters, host FROM unfinished WHERE name = ? ORDER BY id DESC LIMIT 1`,
      )
      .get(name);
    return row && {
      id: Number(row.id),
      at: String(row.at),
      parameters: JSON.parse(String(row.parameters)),
      host: JSON.parse(String(row.host)),
    };
  }

  /** Keeps a sample. */
  keep<Figures>(id: number, { point, repetition, figures }: JournalSample<Figures>): void {
    this.#database
      .prepare("INSERT INTO samples (run, point, repetition, figures) VALUES (?, ?, ?, ?)")
      .run(id, point, repetition, JSON.stringify(figures));
  }

  /** The samples of an experiment, of each point in the order of its repetitions. */
  samples<Figures>(id: number): JournalSample<Figures>[] {
    return this.#database
      .prepare("SELECT point, repetition, figures FROM samples WHERE run = ? ORDER BY repetition")
      .all(id)
      .map((row) => ({
        point: String(row.point),
        repetition: Number(row.repetition),
        figures: JSON.parse(String(row.figures)),
      }));
  }

  /** Forgets an experiment and its samples: it is over, or given up. */
  forget(id: number): void {
    this.#database.prepare("DELETE FROM unfinished WHERE id = ?").run(id);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
