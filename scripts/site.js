// A table that is wider than the screen scrolls. The keyboard must reach it.
for (const table of globalThis.document.querySelectorAll('.tsd-typography table')) table.tabIndex = 0;
