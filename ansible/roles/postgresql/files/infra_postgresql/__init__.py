"""The program that keeps a PostgreSQL node: it fences, promotes, moves the endpoint, rejoins and watches."""
