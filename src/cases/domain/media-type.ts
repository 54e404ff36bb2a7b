import { AppError } from '../../platform/errors/index.js';

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,98}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,98}$/;

/** The media type of a `Content-Type` header, lower case, without parameters. Attacker-controlled.
 *  @throws AppError unsupported_media_type — missing or malformed. Source: RFC 6838 §4.2 */
export function mediaTypeOf(contentType: string | undefined): string {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (MEDIA_TYPE.test(type)) return type;
  throw new AppError(
    'unsupported_media_type',
    'State what the document is in Content-Type, for example application/pdf.',
    {
      param: 'Content-Type',
    },
  );
}
