// Called without `this`, as on the platform.
class Greeter {
  greeting = "hello";
  fetch() {
    return new Response(this.greeting);
  }
}

export default new Greeter();
