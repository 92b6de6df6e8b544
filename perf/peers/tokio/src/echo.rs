// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{require, run, share, Answer, Load, Watch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const MESSAGE_SIZE: usize = 1024;
const MOST_CONNECTIONS: usize = 5_000; // descriptors are few

/// Answers until the client has no more.
pub async fn serve<const SIZE: usize>(mut peer: TcpStream) {
    let mut data = [0; SIZE];
    loop {
        match peer.read(&mut data).await {
            Ok(n) if n != 0 => peer.write_all(&data[..n]).await.unwrap(),
            _ => return,
        }
    }
}

/// How many of the answers were right.
async fn ask(mut peer: TcpStream, requests: usize) -> usize {
    let mut data = [0; MESSAGE_SIZE];
    let mut answer = [0; MESSAGE_SIZE];
    let mut good = 0;
    for i in 0..requests {
        data[MESSAGE_SIZE - 8..].copy_from_slice(&(i as u64).to_le_bytes());
        peer.write_all(&data).await.unwrap();
        peer.read_exact(&mut answer).await.unwrap();
        good += (data == answer) as usize;
    }
    good
}

/// Servers and clients, in pairs.
pub fn connect(count: usize) -> Vec<(std::net::TcpStream, std::net::TcpStream)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let made = |stream: std::net::TcpStream| {
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    (0..count)
        .map(|_| {
            let client = std::net::TcpStream::connect(address).unwrap();
            let (server, _) = listener.accept().unwrap();
            (made(server), made(client))
        })
        .collect()
}

fn echo(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    let count = load.cap.min(load.tasks).min(MOST_CONNECTIONS);
    let all = connect(count);
    let answered = run(rt, async move {
        let all: Vec<_> = all
            .into_iter()
            .map(|(server, client)| {
                (
                    TcpStream::from_std(server).unwrap(),
                    TcpStream::from_std(client).unwrap(),
                )
            })
            .collect();
        let mut group = JoinSet::new();
        watch.start();
        for (i, (server, client)) in all.into_iter().enumerate() {
            group.spawn(async {
                serve::<MESSAGE_SIZE>(server).await;
                0
            });
            group.spawn(ask(client, share(load.tasks, i, count)));
        }
        let mut answered = 0;
        while let Some(good) = group.join_next().await {
            answered += good.unwrap();
        }
        watch.stop();
        answered
    });
    let per_s = load.tasks as f64 / watch.seen().wall_s;
    watch.tell(vec![("requests_per_s", per_s)]);
    require(answered == load.tasks, "requests that were answered");
}

pub fn answers() -> Vec<Answer> {
    vec![Answer {
        case: "echo",
        library: "tokio, TcpStream",
        takes_cap: true,
        warm_up: 1_000,
        run: echo,
    }]
}
