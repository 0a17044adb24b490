// Express has no Request and Response of the web; it is here because it is what most people know.
import express from 'express';

const app = express();
app.get('/.netlify/functions/hello', (request, response) => response.send('Hello, world!'));
app.listen(Number(process.argv[2]), '127.0.0.1');
