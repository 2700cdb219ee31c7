import * as outbox from "./outbox";
import { Played } from "./played";
import { ask, Problem } from "./problem";
import { fromSeconds, normalise, type Spans, subtract, toSeconds, total, union } from "./spans";

/** A presence prompt: one of the options is asked for, which one only the server knows. */
export interface Prompt {
  id: string;
  kind: "confirm" | "question";
  text: string;
  options: string[];
  seconds_left: number; // until the counting lapses
  tries: number;
}

/** One opening of a video, as the server describes it. Times are float seconds. */
export interface Opened {
  playback: string | null; // null: the course is completed, nothing is booked
  playlist: string;
  previews: string | null;
  sound: string | null; // the playlist of the sound alone
  duration: number;
  covered: [number, number][];
  position: number;
  rate_percent: number;
  prompt: Prompt | null;
}

export interface Reply {
  credited_ms: number;
  refused_ms: number;
  reason: string | null;
  covered: [number, number][];
  ended: string | null; // why this lease takes no more time: "taken-over", "closed", "left"
  prompt: Prompt | null;
  unit: { confirmed_ms: number; needed_ms: number; done: boolean };
  course: { complete: boolean; award: { hours: string; state: string } | null };
}

export interface Listener {
  replied(reply: Reply, lease: Lease): void;
  failed(problem: Problem): void;
}

const beats = (playback: string) => `/api/v1/playbacks/${playback}/beats`;

/**
 * The lease under which time is booked: reports what was played and not yet confirmed.
 *
 * Every beat claims all of that, so a lost, late or refused beat is made good by the next one,
 * and a doubled one costs nothing. Until the server has answered, the browser keeps it.
 */
export class Lease {
  readonly played = new Played();
  confirmed: Spans;
  ended: string | null = null;
  #seq = 1;
  #positionMs: number;
  #sending = false;
  #dirty = false;

  constructor(
    readonly playback: string,
    readonly person: string,
    opened: Opened,
    readonly listener: Listener,
  ) {
    this.confirmed = fromSeconds(opened.covered);
    this.#positionMs = opened.position * 1000;
  }

  /** Played and not yet confirmed. */
  get pending(): Spans {
    return subtract(this.played.spans, this.confirmed);
  }

  /** Keep what is pending in the browser; cheap enough for every few seconds. */
  keep(positionMs: number): void {
    this.#positionMs = positionMs;
    if (this.ended === null) void outbox.keep(this.#unsent());
  }

  /** Report. While a report is under way, another one follows it. */
  async beat(positionMs: number, keepalive = false): Promise<void> {
    this.#positionMs = positionMs;
    if (this.ended !== null) return;
    if (this.#sending && !keepalive) {
      this.#dirty = true;
      return;
    }
    this.#sending = true;
    const unsent = this.#unsent();
    this.#seq += 1;
    void outbox.keep({ ...unsent, seq: this.#seq });
    try {
      const reply = await send(unsent, keepalive);
      this.confirmed = union(this.confirmed, fromSeconds(reply.covered));
      this.ended = reply.ended;
      if (this.pending.length === 0) void outbox.drop(this.playback);
      else if (this.ended !== null) void outbox.keep(this.#unsent()); // `resend` goes on with it
      this.listener.replied(reply, this);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.listener.failed(error);
    } finally {
      this.#sending = false;
    }
    if (this.#dirty) {
      this.#dirty = false;
      await this.beat(this.#positionMs);
    }
  }

  #unsent(): outbox.Unsent {
    return {
      playback: this.playback,
      person: this.person,
      seq: this.#seq,
      claims: this.pending,
      positionMs: this.#positionMs,
      savedAt: Date.now(),
    };
  }
}

function send(unsent: outbox.Unsent, keepalive = false): Promise<Reply> {
  const body = {
    seq: unsent.seq,
    // The server takes 200 at once; the rest follows with the next beat.
    played: toSeconds(normalise(unsent.claims).slice(0, 200)),
    position: unsent.positionMs / 1000,
  };
  return ask<Reply>("POST", beats(unsent.playback), body, { keepalive });
}

/** What the server will never accept: how much it was, and why in its own words. */
export interface Lost {
  ms: number;
  why: string;
}

/**
 * Send what earlier pages of this person could not, each to its own playback. What is refused
 * for now, as while a presence prompt waits, is kept for the next time; of what is refused for
 * good the learner is to be told.
 */
export async function resend(person: string, except: string | null): Promise<Lost[]> {
  const lost: Lost[] = [];
  for (const unsent of await outbox.waiting(person)) {
    if (unsent.playback === except) continue;
    let left: Spans = [];
    if (unsent.claims.length > 0) {
      try {
        const reply = await send(unsent);
        left = subtract(unsent.claims, fromSeconds(reply.covered));
      } catch (error) {
        // Not reachable or signed out: wait.
        if (!(error instanceof Problem) || error.passing) return lost;
        lost.push({ ms: total(unsent.claims), why: error.message });
      }
    }
    if (left.length > 0) await outbox.keep({ ...unsent, seq: unsent.seq + 1, claims: left });
    else await outbox.drop(unsent.playback);
  }
  return lost;
}

/** The playback that this tab had last: going on after a reload takes over from nobody else. */
const LAST = "zhixin-playback";

/**
 * Open a video for a unit. Where another page is playing, the server refuses unless `takeOver`;
 * that page's playback ends by it.
 */
export async function open(enrolment: string, unit: string, takeOver: boolean): Promise<Opened> {
  const after = sessionStorage.getItem(LAST);
  const opened = await ask<Opened>("POST", `/api/v1/enrolments/${enrolment}/playbacks`, {
    unit,
    after,
    take_over: takeOver,
  });
  if (opened.playback) sessionStorage.setItem(LAST, opened.playback);
  return opened;
}

export interface Answered {
  right: boolean;
  wait_s: number;
  prompt: Prompt | null;
}

/** Answer a presence prompt. */
export function choose(playback: string, prompt: string, choice: number): Promise<Answered> {
  return ask<Answered>("POST", `/api/v1/playbacks/${playback}/presence`, { prompt, choice });
}
