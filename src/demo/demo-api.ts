/** A request to the product's own API, without a socket. */
export interface InjectedRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: string;
}

/** Runs a request through the whole application: guard, line, settlement. */
export type Inject = (request: InjectedRequest) => Promise<{ readonly statusCode: number; readonly body: string }>;

/** The product's own REST API, as the seed uses it: the demo is built the way a customer would build it. */
export class DemoApi {
  constructor(
    private readonly inject: Inject,
    private readonly token: () => string,
  ) {}

  /** @throws Error when the product refuses: the demo must not start half-built */
  async call<T>(
    method: InjectedRequest['method'],
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const answer = await this.inject({
      method,
      url,
      headers: { authorization: `Bearer ${this.token()}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    if (answer.statusCode >= 300)
      throw new Error(`Demo: ${method} ${url} answered ${String(answer.statusCode)}: ${answer.body.slice(0, 400)}`);
    return (answer.body === '' ? undefined : JSON.parse(answer.body)) as T;
  }
}
