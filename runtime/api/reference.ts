/** A page that shows the OpenAPI document to people: no script, nothing from elsewhere. */
import { html } from "hono/html";

/** The parts of a document that the page shows. */
interface Document {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description?: string;
  };
  readonly paths?: Readonly<Record<string, unknown>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly unknown[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

/** One operation with its place. */
interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const METHODS = ["get", "post", "put", "patch", "delete"];

function entriesOf(document: Document): Entry[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = (item as Record<string, Operation | undefined>)[method];
      return operation ? [{ method, path, operation }] : [];
    })
  );
}

function details(title: string, content: unknown) {
  return html`
    <details>
      <summary>${title}</summary>
      <pre>${JSON.stringify(content, null, 2)}</pre>
    </details>
  `;
}

function section({ method, path, operation }: Entry) {
  const { summary, description, parameters, requestBody, responses } = operation;
  return html`<article>
<h3><code><b>${method.toUpperCase()}</b> ${path}</code></h3>
<p>${summary ?? ""}</p>
${description ? html`<p class="more">${description}</p>` : ""}
${parameters?.length ? details("Parameters", parameters) : ""}
${requestBody ? details("Body", requestBody.content) : ""}
${
    Object.entries(responses).map(([status, response]) =>
      details(`${status}: ${response.description}`, response)
    )
  }
</article>`;
}

/** The page as HTML. */
export function referencePage(document: Document) {
  const entries = entriesOf(document);
  const tags = [...new Set(entries.map(({ operation }) => operation.tags?.[0] ?? "other"))];
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${document.info.title}</title>
        <link rel="stylesheet" href="/reference.css">
      </head>
      <body>
        <header>
          <h1>${document.info.title} <small>${document.info.version}</small></h1>
          <p>${document.info.description ?? ""} <a href="/openapi.json">openapi.json</a></p>
          <nav>${tags.map((tag) =>
            html`
              <a href="#${tag}">${tag}</a>
            `
          )}<a href="#schemas">schemas</a></nav>
        </header>
        <main>
    ${tags.map((tag) =>
      html`<section id="${tag}"><h2>${tag}</h2>
${entries.filter(({ operation }) => (operation.tags?.[0] ?? "other") === tag).map(section)}
</section>`
    )}
    <section id="schemas"><h2>schemas</h2>
    ${Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
      details(name, schema)
    )}
    </section>
        </main>
      </body>
    </html>
  `;
}

/** What the page looks like. */
export const REFERENCE_STYLE =
  `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 small { font-weight: normal; opacity: 0.6; }
h2 { text-transform: capitalize; border-bottom: 1px solid; }
h3 { margin-bottom: 0; }
article p { margin: 0.25rem 0; }
.more { opacity: 0.8; }
nav a { margin-right: 0.75rem; }
summary { cursor: pointer; }
code, pre { font-family: ui-monospace, monospace; }
pre { overflow: auto; max-height: 30rem; padding: 0.5rem; border: 1px solid; border-radius: 4px; }
`;
