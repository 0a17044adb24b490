// Google's framework for functions, which its own cloud and Knative run containers with: Express and a body parser below.
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';

http('hello', (request, response) => response.send('Hello, world!'));
getTestServer('hello').listen(Number(process.argv[2]), '127.0.0.1');
