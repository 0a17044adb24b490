class Greeter {
  greeting = "hello from an instance";
  fetch = () => new Response(this.greeting);
}

export default new Greeter();
