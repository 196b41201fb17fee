/** What every page has around its content. */
import type { ComponentChildren } from "preact";
import { ConnectionIsland } from "./islands.ts";

const PAGES = [
  { path: "/", name: "Cores" },
  { path: "/guests", name: "Guests" },
  { path: "/compare", name: "Compare" },
  { path: "/experiments", name: "Experiments" },
];

export interface LayoutProps {
  /** Path of the page, or of the page above it. */
  readonly path: string;
  readonly heading: string;
  readonly children: ComponentChildren;
}

export function Layout({ path, heading, children }: LayoutProps) {
  return (
    <>
      <a class="skip" href="#content">To the content</a>
      <header class="top">
        <span class="name">SplitX</span>
        <nav aria-label="Pages">
          {PAGES.map((page) => (
            <a href={page.path} aria-current={page.path === path ? "page" : undefined}>
              {page.name}
            </a>
          ))}
        </nav>
        <ConnectionIsland />
      </header>
      <main id="content">
        <h1>{heading}</h1>
        {children}
      </main>
    </>
  );
}
