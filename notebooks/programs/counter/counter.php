<?php
// A page that counts its visitors, in PHP: DATABASE_PORT says where the database is. Run it with php -S ADDRESS:PORT.

const ADD_ONE = "INSERT INTO visits (page, number) VALUES (?, LAST_INSERT_ID(1)) ON DUPLICATE KEY UPDATE number = LAST_INSERT_ID(number + 1)";

// Add one visit to $page and return which visit it was. The database does both in one step.
function visits(string $page): int
{
    $where = sprintf("mysql:host=%s;port=%s;dbname=counter", getenv("DATABASE_HOST") ?: "127.0.0.1", getenv("DATABASE_PORT") ?: "3306");
    $database = new PDO($where, "counter", getenv("DATABASE_PASSWORD") ?: "counter");
    $database->prepare(ADD_ONE)->execute([$page]);
    return (int) $database->query("SELECT LAST_INSERT_ID()")->fetchColumn();
}

header("Content-Type: text/html; charset=utf-8");
echo "<p>PHP says: you are visitor ", visits("/"), ".</p>\n";
