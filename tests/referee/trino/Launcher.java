import io.trino.plugin.hive.HivePlugin;
import io.trino.server.testing.TestingTrinoServer;

import java.io.FileReader;
import java.io.PrintStream;
import java.io.Reader;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

/**
 * One Trino in one process, on a free port of the loopback interface, with a catalog of the Hive connector.
 *
 * Arguments: the catalog's name and its properties file. Prints "ready" and the address once it answers queries, and
 * ends when standard input does, so that it never outlives whoever started it.
 */
public final class Launcher
{
    private Launcher() {}

    public static void main(String[] args)
            throws Exception
    {
        // Trino's logging takes System.out.
        PrintStream out = System.out;
        Properties properties = new Properties();
        try (Reader reader = new FileReader(args[1])) {
            properties.load(reader);
        }
        Map<String, String> catalog = new HashMap<>();
        properties.forEach((name, value) -> catalog.put((String) name, (String) value));
        // DistributedQueryRunner would keep the spans of all queries, and after some thousand there is no more memory.
        TestingTrinoServer server = TestingTrinoServer.create();
        server.installPlugin(new HivePlugin());
        server.createCatalog(args[0], "hive", catalog);
        out.println("ready " + server.getBaseUrl());
        while (System.in.read() != -1) {
            // Nothing is sent here.
        }
        Runtime.getRuntime().halt(0);
    }
}
