import { csrfToken } from "./csrf";

/** An RFC 9457 problem document from the server, or no answer at all (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly facts: Record<string, unknown> = {},
  ) {
    super(detail);
  }

  /** Worth trying again later as it is. */
  get passing(): boolean {
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status >= 500;
  }
}

/** Ask `/api/v1`; resolves to the JSON body, rejects with a `Problem`. */
export async function ask<T>(
  method: "GET" | "POST" | "PUT",
  address: string,
  body?: unknown,
  options: { keepalive?: boolean } = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      credentials: "same-origin",
      keepalive: options.keepalive ?? false,
      headers: {
        Accept: "application/json",
        "X-CSRFToken": csrfToken(),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Problem(0, "unreachable", "");
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const facts = await response.json().catch(() => ({}) as Record<string, unknown>);
  const code = String(facts.type ?? "").split("#")[1] ?? "unknown";
  throw new Problem(response.status, code, String(facts.detail ?? facts.title ?? ""), facts);
}
