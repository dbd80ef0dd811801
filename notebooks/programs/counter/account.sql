CREATE DATABASE IF NOT EXISTS counter;
CREATE USER IF NOT EXISTS 'counter'@'%' IDENTIFIED BY 'counter';
GRANT ALL ON counter.* TO 'counter'@'%';
