/** The container is damaged or not what a bundle may be: nothing in it was judged. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}
