/** A credential that cannot authenticate a request: it is no such credential, or whoever exchanges it refused it. Says nothing of
 *  the secret. */
export class CredentialUnusable extends Error {
  override readonly name = 'CredentialUnusable';

  /** `code`: of the one who refused it, or our own; ≤ 80 characters `[A-Za-z0-9_.-]`. */
  constructor(readonly code: string) {
    super('The credential cannot be used');
  }
}
