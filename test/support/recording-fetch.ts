/** One exchange of a client with the gateway. */
export interface Exchange {
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came over the wire; rejects when the client hung up before its end. */
  readonly text: Promise<string>;
}

/** A `fetch` that remembers every exchange; the client under test notices nothing. */
export class RecordingFetch {
  readonly exchanges: Exchange[] = [];

  readonly fetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const text = response.clone().text();
    // Whoever wants the text gets the rejection; it is nobody's when nobody does.
    text.catch(() => undefined);
    const url = input instanceof Request ? input.url : String(input);
    this.exchanges.push({
      path: new URL(url).pathname,
      status: response.status,
      headers: response.headers,
      text,
    });
    return response;
  };

  /** Forgets what it remembers. */
  clear(): void {
    this.exchanges.length = 0;
  }
}

/** The JSON events of a server-sent stream, without `[DONE]`. */
export function jsonEvents(text: string): unknown[] {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: ') && event !== 'data: [DONE]')
    .map((event) => JSON.parse(event.slice(6)) as unknown);
}
