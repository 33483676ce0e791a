//! A simulator that is a program of its own, with the faults that such a program may have: its first argument names one, which shows
//! where the first parameter is above 2.

#![allow(missing_docs)]

use std::io::{Read, Write, stdin, stdout};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

fn main() {
    let fault = std::env::args().nth(1).unwrap_or_default();
    let version = std::env::args().nth(2).unwrap_or("1".to_owned());
    let protocol = if fault == "protocol" { 2 } else { 1 };
    match fault.as_str() {
        "ends at once" => {
            eprintln!("no licence");
            std::process::exit(3);
        }
        "prints" => println!("Simulator ready!"),
        "unknown line" => println!("hierarch simulator 1\ncolour red\n"),
        _ => {
            let names = if fault == "any number" { "" } else { "parameters mass shape\n" };
            println!("hierarch simulator {protocol}\nversion {version}\n{names}")
        }
    }
    let mut requests = 0.0;
    while let Some(seed) = number() {
        let count = number().unwrap();
        let parameters: Vec<f64> = (0..count).map(|_| f64::from_bits(number().unwrap())).collect();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let sum: f64 = parameters.iter().sum();
        let mut values: Vec<f64> = (0..4).map(|_| sum + rng.random::<f64>()).collect();
        let (mut kind, mut message) = (8_u32, "");
        requests += 1.0;
        if parameters[0] > 2.0 {
            match fault.as_str() {
                "fails" => (kind, message) = (0, "the mass is above 2"),
                "crashes" => {
                    eprintln!("bad mass {}", parameters[0]);
                    std::process::exit(5);
                }
                "hangs" => {
                    eprintln!("a loop without end");
                    std::thread::sleep(Duration::from_secs(1000));
                }
                "nan" => values[2] = f64::NAN,
                "length" => values.truncate(3),
                "kind" => kind = 7,
                "remembers" => values[1] += requests,
                _ => {}
            }
        }
        if fault == "id" {
            values[0] = f64::from(std::process::id());
        }
        if fault == "whole" {
            values = values.iter().map(|x| x.floor()).collect();
        }
        let mut bytes = kind.to_le_bytes().to_vec();
        match kind {
            0 => {
                bytes.extend((message.len() as u32).to_le_bytes());
                bytes.extend(message.as_bytes());
            }
            _ if fault == "single" => {
                bytes[0] = 4;
                bytes.extend((values.len() as u32).to_le_bytes());
                bytes.extend(values.iter().flat_map(|&x| (x as f32).to_le_bytes()));
            }
            _ => {
                bytes.extend((values.len() as u32).to_le_bytes());
                bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
            }
        }
        stdout().write_all(&bytes).unwrap();
        stdout().flush().unwrap();
    }
}

fn number() -> Option<u64> {
    let mut bytes = [0; 8];
    stdin().read_exact(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}
