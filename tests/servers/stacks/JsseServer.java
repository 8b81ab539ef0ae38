import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.Security;
import java.util.Collections;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/**
 * A TLS server that accepts every version and suite that the Java runtime has.
 *
 * <p>java JsseServer.java PORT PASSWORD FILE.p12 [FILE.p12 ...]
 */
public final class JsseServer {
    private static final int PATIENCE = 10_000;
    private static final byte[] ANSWER = "HTTP/1.0 200 OK\r\n\r\nok".getBytes();

    public static void main(String[] arguments) throws Exception {
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        Security.setProperty("jdk.certpath.disabledAlgorithms", "");
        Security.setProperty("jdk.tls.legacyAlgorithms", "");
        char[] password = arguments[1].toCharArray();
        KeyStore all = KeyStore.getInstance("PKCS12");
        all.load(null, null);
        for (int number = 2; number < arguments.length; number++) {
            add(all, arguments[number], password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(all, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        int port = Integer.parseInt(arguments[0]);
        SSLServerSocket listener =
                (SSLServerSocket)
                        context.getServerSocketFactory()
                                .createServerSocket(port, 256, InetAddress.getByName("127.0.0.1"));
        listener.setEnabledProtocols(listener.getSupportedProtocols());
        listener.setEnabledCipherSuites(listener.getSupportedCipherSuites());
        while (true) {
            SSLSocket connection = (SSLSocket) listener.accept();
            new Thread(() -> converse(connection)).start();
        }
    }

    private static void add(KeyStore all, String file, char[] password) throws Exception {
        KeyStore one = KeyStore.getInstance("PKCS12");
        try (InputStream stream = new FileInputStream(file)) {
            one.load(stream, password);
        }
        for (String alias : Collections.list(one.aliases())) {
            all.setKeyEntry(
                    alias, one.getKey(alias, password), password, one.getCertificateChain(alias));
        }
    }

    private static void converse(SSLSocket connection) {
        try (connection) {
            connection.setSoTimeout(PATIENCE);
            connection.startHandshake();
            connection.getInputStream().read(new byte[4096]);
            OutputStream stream = connection.getOutputStream();
            stream.write(ANSWER);
            stream.flush();
        } catch (Exception refused) {
            return; // a client that offers one suite at a time is often refused
        }
    }
}
