/** The error envelope of OpenAI's API; the four members are always present. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
    readonly [member: string]: unknown;
  };
}
