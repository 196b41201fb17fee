/** A page as the browser gets it. */
import type { ComponentChildren } from "preact";
import { renderToStringAsync } from "preact-render-to-string";

export interface PageProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** Address of what the browser runs. */
  readonly script: string;
  /** The style sheet, which stands in the page: nothing is waited for before it shows. */
  readonly style: string;
}

function Page({ title, children, script, style }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title} · SplitX</title>
        <link rel="icon" href="/static/favicon.svg" type="image/svg+xml" />
        <style dangerouslySetInnerHTML={{ __html: style }} />
        <script type="module" src={script} />
      </head>
      <body>{children}</body>
    </html>
  );
}

/** Renders a page whole. */
export async function renderPage(props: PageProps): Promise<string> {
  return `<!doctype html>${await renderToStringAsync(<Page {...props} />)}`;
}
