/** HTML made of templates: what is put into one is text, unless it is HTML already. */

/** Markup that may stand in a page as it is. */
export class Html {
  readonly #markup: string;

  /** @param markup trusted */
  constructor(markup: string) {
    this.#markup = markup;
  }

  /** The markup. */
  toString(): string {
    return this.#markup;
  }
}

/** What a template takes. */
export type HtmlPart = Html | string | number | readonly HtmlPart[] | undefined;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function markupOf(part: HtmlPart): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.toString();
  if (typeof part === "string" || typeof part === "number") {
    return String(part).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
  }
  return part.map(markupOf).join("");
}

/**
 * A template tag.
 *
 * @example
 * ```ts
 * import { html } from "./html.ts";
 * import { strictEqual } from "node:assert";
 * const item = (text: string) => html`<li>${text}</li>`;
 * strictEqual(`${html`<ul>${["a", "<b>"].map(item)}</ul>`}`, "<ul><li>a</li><li>&lt;b&gt;</li></ul>");
 * ```
 */
export function html(literals: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return new Html(
    literals.reduce((markup, literal, i) => markup + markupOf(parts[i - 1]) + literal),
  );
}
