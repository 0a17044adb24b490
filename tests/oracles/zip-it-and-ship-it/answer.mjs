// Answers questions with Netlify's own code: a JSON list on stdin, the list of answers on stdout.

import { text } from 'node:stream/consumers';
import dotenv from 'dotenv';
import { minimatch } from './node_modules/minimatch/dist/esm/index.js';
import { getConfigForFunction } from './node_modules/@netlify/zip-it-and-ship-it/dist/config.js';
import { parseSource } from './node_modules/@netlify/zip-it-and-ship-it/dist/runtimes/node/in_source_config/index.js';

const answers = {
  /** What a module says of itself, or the error that ends the build. */
  module: ({ source }) => {
    try {
      const { config, routes = [], excludedRoutes = [], invocationMode, runtimeAPIVersion } = parseSource(source, { functionName: 'f' });
      const { rateLimit, path, excludedPath, method, preferStatic, ...rest } = config;
      return {
        ...rest,
        rateLimit,
        paths: routes.map(({ pattern }) => pattern),
        methods: routes[0]?.methods ?? [],
        preferStatic: routes[0]?.prefer_static ?? false,
        excludedPaths: excludedRoutes.map(({ pattern }) => pattern),
        isBackground: invocationMode === 'background',
        isModern: runtimeAPIVersion === 2,
      };
    } catch (error) {
      return { error: error.message };
    }
  },
  /** What holds for a function of the sections of [functions], keyed by names and globs. */
  sections: ({ config, name }) => getConfigForFunction({ config, func: { name, mainFile: `/${name}.js` } }),
  env: ({ text: file }) => dotenv.parse(file),
  glob: ({ pattern, path, dot }) => minimatch(path, pattern, { dot }),
};

const questions = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await Promise.all(questions.map((question) => answers[question.kind](question)))));
