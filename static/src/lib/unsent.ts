/**
 * Answers that the server has not confirmed, and attempts that wait to be handed in, kept in
 * IndexedDB: a reload, a crash or a lost network loses nothing. One record a question and one
 * an attempt; all pages of this browser share them.
 */
export interface Change {
  question: string;
  answer: string[];
  seq: number; // the highest of a question stands
}

interface Kept extends Change {
  attempt: string;
  at: number; // epoch ms of this device; only for tidying up
}

const KEPT_MS = 14 * 24 * 3600 * 1000;
const SUBMIT = ""; // in place of a question: the attempt is to be handed in

let opened: Promise<IDBDatabase | null> | undefined;

function open(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open("zhixin-answers", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("unsent", { keyPath: ["attempt", "question"] });
      request.onsuccess = () => resolve(request.result);
      // Private windows may refuse: then this page's memory is all there is.
      request.onerror = request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

/** Runs `act` in a transaction of its own; false if it is not kept. */
async function change(act: (store: IDBObjectStore) => void): Promise<boolean> {
  const database = await open();
  if (!database) return false;
  return new Promise((resolve) => {
    try {
      // "strict": it is on the disk when the page says so.
      const transaction = database.transaction("unsent", "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve(true);
      transaction.onerror = transaction.onabort = () => resolve(false);
      act(transaction.objectStore("unsent"));
    } catch {
      resolve(false);
    }
  });
}

async function all(): Promise<Kept[]> {
  const database = await open();
  if (!database) return [];
  return new Promise((resolve) => {
    const request = database.transaction("unsent").objectStore("unsent").getAll() as IDBRequest<Kept[]>;
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve([]);
  });
}

const range = (attempt: string) => IDBKeyRange.bound([attempt], [attempt, []]);

export const keep = (attempt: string, changes: Change[]): Promise<boolean> =>
  change((store) => {
    for (const each of changes) store.put({ ...each, attempt, at: Date.now() });
  });

/** The server has these: what was changed since stays. */
export const confirm = (attempt: string, sent: Change[]): Promise<boolean> =>
  change((store) => {
    for (const each of sent) {
      const request = store.get([attempt, each.question]) as IDBRequest<Kept | undefined>;
      request.onsuccess = () => {
        if (request.result && request.result.seq <= each.seq) store.delete([attempt, each.question]);
      };
    }
  });

export const forget = (attempt: string): Promise<boolean> => change((store) => store.delete(range(attempt)));

export const queueSubmission = (attempt: string): Promise<boolean> =>
  keep(attempt, [{ question: SUBMIT, answer: [], seq: 0 }]);

export const dropSubmission = (attempt: string): Promise<boolean> =>
  change((store) => store.delete([attempt, SUBMIT]));

/** What is kept of an attempt. Records of attempts long past are dropped. */
export async function waiting(attempt: string): Promise<{ changes: Change[]; submit: boolean }> {
  const kept = await all();
  const old = kept.filter((each) => each.at < Date.now() - KEPT_MS);
  if (old.length) void change((store) => old.forEach((each) => store.delete([each.attempt, each.question])));
  const mine = kept.filter((each) => each.attempt === attempt);
  return {
    changes: mine
      .filter((each) => each.question !== SUBMIT)
      .map(({ question, answer, seq }) => ({ question, answer, seq })),
    submit: mine.some((each) => each.question === SUBMIT),
  };
}
