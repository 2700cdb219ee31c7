import type { Spans } from "./spans";

/**
 * What was played and is not yet confirmed, one record a playback, kept in the browser until
 * the server has answered: a lost network, a closed tab or an ended sign-in loses nothing.
 * Each beat claims all of it, so one record is enough.
 */
export interface Unsent {
  playback: string;
  person: string;
  seq: number; // the next to use
  claims: Spans; // ms
  positionMs: number;
  savedAt: number; // epoch ms of this device; only for tidying up
}

const KEPT_MS = 14 * 24 * 3600 * 1000;

let opened: Promise<IDBDatabase | null> | undefined;

function open(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open("zhixin", 1);
      request.onupgradeneeded = () =>
        request.result.createObjectStore("unsent", { keyPath: "playback" });
      request.onsuccess = () => resolve(request.result);
      // Private windows may refuse: then this page's memory is all there is.
      request.onerror = request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

async function run<T>(
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | undefined> {
  const database = await open();
  if (!database) return undefined;
  return new Promise((resolve) => {
    const request = act(database.transaction("unsent", mode).objectStore("unsent"));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(undefined);
  });
}

export async function keep(unsent: Unsent): Promise<void> {
  await run("readwrite", (store) => store.put(unsent));
}

export async function drop(playback: string): Promise<void> {
  await run("readwrite", (store) => store.delete(playback));
}

/** This person's records; those of others wait for them, very old ones are dropped. */
export async function waiting(person: string): Promise<Unsent[]> {
  const all = (await run<Unsent[]>("readonly", (store) => store.getAll())) ?? [];
  const limit = Date.now() - KEPT_MS;
  for (const old of all.filter((each) => each.savedAt < limit)) await drop(old.playback);
  return all.filter((each) => each.person === person && each.savedAt >= limit);
}
