// Wrote murmur2.tsv, which src/stream/publish/producer_tests.rs compares with what `publish` does.
// The partitions are those of Apache Kafka's own producer (kafka-clients 4.3.1, Apache-2.0):
//
//   mvn -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
//       -Dartifact=org.apache.kafka:kafka-clients:4.3.1 -DoutputDirectory=lib
//   (the same for org.slf4j:slf4j-api:1.7.36)
//   java -cp 'lib/*' PartitionTable.java > murmur2.tsv
//
// Columns: principal, partition of 8, partition of 12.
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

public class PartitionTable {
    public static void main(String[] arguments) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (int number = 0; number < 1000; number++) {
            String principal = principal(number);
            byte[] key = principal.getBytes(StandardCharsets.UTF_8);
            out.println(principal + "\t" + BuiltInPartitioner.partitionForKey(key, 8)
                + "\t" + BuiltInPartitioner.partitionForKey(key, 12));
        }
    }

    private static String principal(int number) {
        String account = String.format("%012d", 111122223333L + number % 40);
        switch (number % 10) {
            case 0: case 1: case 2: return "arn:aws:iam::" + account + ":user/analyst-" + number;
            case 3: case 4: case 5: return "arn:aws:iam::" + account + ":role/pipeline-" + number;
            case 6: return "arn:aws-cn:iam::" + account + ":role/team/Größe-" + number;
            case 7: return account + ":AROA" + Long.toString(number * 7919L, 36).toUpperCase();
            case 8: return "anonymous:198.51.100." + number % 256;
            default: return "service-" + number + ".amazonaws.com";
        }
    }
}
