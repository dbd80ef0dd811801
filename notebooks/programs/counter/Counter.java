import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Map;

/** A page that counts its visitors, in Java: DATABASE_PORT says where the database is, PORT where the page will be. */
public class Counter {
    static final Map<String, String> ENVIRONMENT = System.getenv();
    static final String ADD_ONE =
        "INSERT INTO visits (page, number) VALUES (?, LAST_INSERT_ID(1)) ON DUPLICATE KEY UPDATE number = LAST_INSERT_ID(number + 1)";

    /** Add one visit to page and return which visit it was. The database does both in one step. */
    static long count(String page) throws SQLException {
        var where = "jdbc:mariadb://" + setting("DATABASE_HOST", "127.0.0.1") + ":" + setting("DATABASE_PORT", "3306") + "/counter";
        try (var database = DriverManager.getConnection(where, "counter", setting("DATABASE_PASSWORD", "counter"));
             var add = database.prepareStatement(ADD_ONE)) {
            add.setString(1, page);
            add.executeUpdate();
            try (var answer = database.createStatement().executeQuery("SELECT LAST_INSERT_ID()")) {
                answer.next();
                return answer.getLong(1);
            }
        }
    }

    static void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = ("<p>Java says: you are visitor " + count("/") + ".</p>\n").getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        } catch (SQLException problem) {
            exchange.sendResponseHeaders(503, -1);
        }
    }

    static String setting(String name, String otherwise) {
        return ENVIRONMENT.getOrDefault(name, otherwise);
    }

    public static void main(String[] args) throws IOException {
        var address = new InetSocketAddress(setting("ADDRESS", "127.0.0.1"), Integer.parseInt(setting("PORT", "8003")));
        var server = HttpServer.create(address, 0);
        server.createContext("/", Counter::answer);
        server.start();
    }
}
