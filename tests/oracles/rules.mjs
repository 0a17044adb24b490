// Answers JSON lines with what Netlify's own packages say: how they read redirects and headers, and which redirect they
// would follow. Started by the tests, with a folder for its files.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseAllHeaders } from '@netlify/headers-parser';
import { parseAllRedirects } from '@netlify/redirect-parser';
import redirector from 'netlify-redirector';

const folder = process.argv[2];

const write = (name, text) => {
  const file = join(folder, name);
  writeFileSync(file, text ?? '');
  return file;
};

const readRedirects = ({ file, toml }, minimal = true) => parseAllRedirects({
  redirectsFiles: [write('_redirects', file)],
  netlifyConfigPath: write('netlify.toml', toml),
  minimal,
});

// The matcher has other names for some fields than the parser.
const forMatcher = ({ from, query, signed, ...rest }) => ({ ...rest, origin: from, params: query });

const answers = {
  async redirects(question) {
    const { redirects, errors } = await readRedirects(question);
    return { rules: redirects, errors: errors.map((error) => error.message) };
  },

  async headers({ file, toml, paths }) {
    const { headers, errors } = await parseAllHeaders({
      headersFiles: [write('_headers', file)],
      netlifyConfigPath: write('netlify.toml', toml),
      minimal: false,
    });
    // "/a/*" covers "/ab" for this package, because the slash before the star is optional. That is meant by nobody.
    const covers = ({ forRegExp }, path) =>
      new RegExp(forRegExp.source.replaceAll(String.raw`\/?(.*)`, String.raw`(?:\/(.*))?`), 'iu').test(path);
    return {
      rules: headers.map((header) => ({ for: header.for, values: header.values })),
      errors: errors.map((error) => error.message),
      covered: (paths ?? []).map((path) => headers.map((header) => covers(header, path))),
    };
  },

  async match({ file, requests }) {
    const { redirects } = await readRedirects({ file }, false);
    const matcher = await redirector.parseJSON(JSON.stringify(redirects.map(forMatcher)), {
      jwtSecret: 'secret',
      jwtRoleClaim: 'app_metadata.authorization.roles',
    });
    return requests.map(({ path, query, language, country, cookies }) => {
      const headers = { 'x-language': language, 'x-country': country };
      const match = redirects.length > 0 && matcher.match({
        scheme: 'http',
        host: 'localhost',
        path,
        query,
        headers,
        cookieValues: cookies,
        getHeader: (name) => headers[name.toLowerCase()] ?? '',
        getCookie: (name) => cookies[name] ?? '',
      });
      return !match ? null : match.force404 ? { denied: true } : { status: match.status, force: match.force, to: match.to };
    });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(await answers[question.ask](question)));
}
