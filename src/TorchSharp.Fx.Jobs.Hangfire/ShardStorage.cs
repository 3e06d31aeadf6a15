using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Hangfire.Storage.SQLite;
using Npgsql;
using SQLite;

namespace TorchSharp.Fx.Jobs.Hangfire;

/// <summary>Opens the storage of Hangfire's queue of shards.</summary>
public static class ShardStorage
{
    private const string File = "sqlite://";

    private static readonly string[] Servers = ["postgres", "postgresql"];
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(2);

    /// <summary>Opens a storage and creates its tables if they are missing.</summary>
    /// <param name="address"><c>sqlite://FILE</c> for processes on one machine, or <c>postgres://USER:PASSWORD@HOST:PORT/DATABASE</c> for
    /// several machines. The password may be in the environment variable <c>PGPASSWORD</c> instead.</param>
    /// <param name="timeout">The time without a heartbeat after which a worker's shard goes to another worker; one minute by
    /// default.</param>
    /// <exception cref="ArgumentException">The address is neither of these.</exception>
    /// <exception cref="IOException">The storage can't be opened.</exception>
    public static JobStorage Open(string address, TimeSpan? timeout = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        var limit = timeout ?? ShardServerOptions.UsualTimeout;
        if (address.StartsWith(File, StringComparison.Ordinal) && address.Length > File.Length)
            return OfFile(address[File.Length..], limit);
        return Uri.TryCreate(address, UriKind.Absolute, out var uri) && Servers.Contains(uri.Scheme) && uri.AbsolutePath.Length > 1
            ? OfServer(uri, limit)
            : throw new ArgumentException("The storage has to be 'sqlite://FILE' or 'postgres://USER:PASSWORD@HOST:PORT/DATABASE'.",
                nameof(address));
    }

    private static SQLiteStorage OfFile(string path, TimeSpan timeout)
    {
        try
        {
            return new(path, new SQLiteStorageOptions { QueuePollInterval = Poll, InvisibilityTimeout = timeout });
        }
        catch (SQLiteException error)
        {
            throw new IOException($"The storage '{path}' can't be opened: {error.Message.TrimEnd('.')}.", error);
        }
    }

    private static PostgreSqlStorage OfServer(Uri uri, TimeSpan timeout)
    {
        var options = new PostgreSqlStorageOptions
        {
            QueuePollInterval = Poll,
            // A shard may take longer than the timeout: while its worker lives, nobody else is given it.
            InvisibilityTimeout = timeout,
            UseSlidingInvisibilityTimeout = true,
            StartupConnectionMaxRetries = 0,
        };
        var database = uri.AbsolutePath[1..];
        var connection = new NpgsqlConnectionStringBuilder { Host = uri.Host, Port = uri.Port > 0 ? uri.Port : 5432,
            Database = Uri.UnescapeDataString(database) };
        if (uri.UserInfo.Split(':', 2) is [{ Length: > 0 } user, .. var password])
        {
            connection.Username = Uri.UnescapeDataString(user);
            connection.Password = password is [var text] ? Uri.UnescapeDataString(text) : null;
        }
        try
        {
            return new(new NpgsqlConnectionFactory(connection.ConnectionString, options), options);
        }
        catch (NpgsqlException error)
        {
            throw new IOException(
                $"The storage '{database}' on {uri.Host}:{connection.Port} can't be opened: {error.Message.TrimEnd('.')}.", error);
        }
    }
}
