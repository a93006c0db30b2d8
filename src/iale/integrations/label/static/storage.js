// This browser's storage, which may be full or forbidden. The page must keep working without it, so failures are ignored:
// what is not stored is remembered only until the page closes.

export function recall(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

export function remember(name, text) {
  try { localStorage.setItem(name, text); } catch { /* full or forbidden */ }
}

export function forget(name) {
  try { localStorage.removeItem(name); } catch { /* forbidden */ }
}

export function recallAll(prefix) { // the stored values whose names start with `prefix`, ordered by name
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(prefix)).sort();
    return names.map((name) => [name, localStorage.getItem(name)]);
  } catch {
    return [];
  }
}
